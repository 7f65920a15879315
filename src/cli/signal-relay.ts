/** The signals that tsbox is sent are the workload's. */
import { signalNumbers } from '../abi/signals.ts';
import { unblockSignal } from '../linux/signal-mask.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** All that a terminal or another program sends, and that can be caught. */
const forwarded = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGWINCH',
] as const;

/** Those that end a program that does nothing about them, and are sent to end it. */
const ending: readonly string[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/** Passes signals on to the workload; one that comes before there is any ends the start. */
export class SignalRelay {
  #abort: AbortController | undefined;
  readonly #early: number[] = [];
  #sandbox: Sandbox | undefined;
  /** The signal that ended the start. */
  ended: number | undefined;

  readonly #stop: number;

  /** @param stop what the workload gets where SIGTERM comes to tsbox (`--stop-signal`). */
  constructor(stop: number = signalNumbers.SIGTERM) {
    this.#stop = stop;
    for (const name of forwarded) process.on(name, () => this.#take(name));
    // Node blocks it at its start, and with --disable-sigusr1 for good (native/tsbox.c).
    unblockSignal(signalNumbers.SIGUSR1);
  }

  /** Made when it is asked for: most containers are there before they could be aborted. */
  get abort(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.ended !== undefined) this.#abort.abort();
    return this.#abort.signal;
  }

  /** From now on, and with those that have come already. */
  to(sandbox: Sandbox): void {
    this.ended = undefined;
    this.#sandbox = sandbox;
    for (const signal of this.#early) sandbox.signal(this.#forWorkload(signal));
  }

  #take(name: (typeof forwarded)[number]): void {
    const signal = signalNumbers[name];
    if (this.#sandbox !== undefined) {
      this.#sandbox.signal(this.#forWorkload(signal));
      return;
    }
    this.#early.push(signal);
    if (!ending.includes(name)) return;
    this.ended = signal;
    this.#abort?.abort();
  }

  #forWorkload(signal: number): number {
    return signal === signalNumbers.SIGTERM ? this.#stop : signal;
  }
}

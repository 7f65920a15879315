/** A box that has a terminal, shown at the one that tsbox runs at: `run -t`. */
import { closeSync } from 'node:fs';
import { makeNonBlocking } from '../linux/descriptor.ts';
import { windowSize } from '../linux/terminal.ts';
import type { Exit, Sandbox, Typist } from '../sandbox/sandbox.ts';
import type { ConsoleSize } from '../spec/spec.ts';
import { DetachKeys } from './detach-keys.ts';
import { OwnTerminal } from './own-terminal.ts';
import { type Keyboard, Relay } from './relay.ts';

const [INPUT, OUTPUT] = [0, 1];

/** As large as the terminal that the box's is shown at, where it is one. */
export function ownSize(): ConsoleSize | undefined {
  return windowSize(INPUT) ?? windowSize(OUTPUT);
}

export class Attendance implements Keyboard, Typist {
  readonly #own = new OwnTerminal(INPUT);
  readonly #keys: DetachKeys;
  readonly #interactive: boolean;
  #sandbox: Sandbox | undefined;
  attached = false;
  over = false;

  /**
   * @param interactive whether what is typed goes to the box.
   * @param keys that stop tsbox, while the box goes on.
   */
  constructor(interactive: boolean, keys: Uint8Array) {
    this.#interactive = interactive;
    this.#keys = new DetachKeys(keys);
  }

  /** Whether it is a person who types. */
  get atTerminal(): boolean {
    return this.#own.isTerminal;
  }

  get held(): number {
    return this.#keys.held;
  }

  /** Settles with the end of the box; by then the caller's terminal is as it was. */
  async until(sandbox: Sandbox): Promise<Exit> {
    this.#sandbox = sandbox;
    const handlers = {
      SIGWINCH: this.#resize,
      SIGCONT: this.#comeBack,
      SIGTSTP: this.#stop,
      SIGTERM: this.#end,
      SIGINT: this.#end,
      SIGHUP: this.#end,
      SIGQUIT: this.#end,
    };
    for (const [name, handler] of Object.entries(handlers)) process.on(name, handler);
    try {
      this.look();
      const ended = sandbox.wait();
      if (sandbox.terminal !== undefined) await this.#show(sandbox.terminal, ended);
      return await ended;
    } finally {
      this.#own.leave();
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
      if (sandbox.terminal !== undefined) closeSync(sandbox.terminal);
    }
  }

  async #show(terminal: number, ended: Promise<Exit>): Promise<void> {
    makeNonBlocking(terminal);
    const input = this.#interactive ? INPUT : undefined;
    await new Relay({ terminal, input, output: OUTPUT }, this).untilEnd(ended);
  }

  look(): void {
    if (!this.#interactive) return;
    this.attached = this.#own.enter();
  }

  take(typed: Uint8Array): Uint8Array {
    const { bytes, detached } = this.#keys.take(typed);
    if (detached) process.kill(process.pid, 'SIGTSTP');
    return bytes;
  }

  readonly #resize = (): void => {
    const size = ownSize();
    if (size !== undefined) this.#sandbox?.resize(size);
  };

  readonly #comeBack = (): void => {
    this.look();
    this.#resize();
  };

  readonly #end = (): void => {
    this.over = true;
  };

  /** As a program without a handler would stop, but for the terminal, which is as it was meanwhile. */
  readonly #stop = (): void => {
    this.#own.leave();
    this.attached = false;
    process.off('SIGTSTP', this.#stop);
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', this.#stop);
  };
}

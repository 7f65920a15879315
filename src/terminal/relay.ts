/**
 * Between the caller's streams and a box's terminal. This thread does nothing else meanwhile: to wait
 * for several descriptors by itself, and return to the event loop only when something waits there,
 * makes the way of a key to the box and back as short as it can be.
 */
import { readSync, writeSync } from 'node:fs';
import { eventsDescriptor, nextTimer } from '../linux/native.ts';
import { type Ready, waitFor } from '../linux/poll.ts';
import { endOfFileKey } from '../linux/terminal.ts';
import { END_OF_FILE_AGAIN, endOfFile, NEWLINE } from '../sandbox/end-of-file.ts';

export interface Ends {
  /** The box's, as of `Sandbox.terminal`: non-blocking. */
  readonly terminal: number;
  /** What is typed; undefined where nothing is. */
  readonly input: number | undefined;
  readonly output: number;
}

/** Where what is typed comes from, and whether it is the box's now. */
export interface Keyboard {
  readonly attached: boolean;
  /** Whether tsbox has been told to end. */
  readonly over: boolean;
  /** Asked now and then while it is not attached: it may be by now. */
  look(): void;
  /** @returns what of it is the box's. */
  take(typed: Uint8Array): Uint8Array;
}

/** PIPE_BUF: so much can be written to a pipe that poll(2) calls writable without waiting, pipe(7). */
const CHUNK = 4096;

/** Milliseconds between two looks at a terminal that nobody in the box has open. */
const UNUSED = 50;

/** The same for one at which tsbox is in the background. */
const AWAY = 250;

/** For who reads the last of the output, once tsbox has been told to end. */
const LAST_CHANCE = 100;

export class Relay {
  readonly #ends: Ends;
  readonly #keyboard: Keyboard;
  readonly #events = eventsDescriptor();
  readonly #buffer = new Uint8Array(CHUNK);
  #shown: Uint8Array = new Uint8Array();
  #typed: Uint8Array = new Uint8Array();
  #inputOpen: boolean;
  #outputOpen = true;
  #lastTyped = NEWLINE;
  /** When to type the end of the input, on the clock of performance.now(). */
  #nextEnd: number | undefined;

  constructor(ends: Ends, keyboard: Keyboard) {
    this.#ends = ends;
    this.#keyboard = keyboard;
    this.#inputOpen = ends.input !== undefined;
  }

  /** Goes on until the box has ended and all that it printed is shown. @param ended settles then. */
  async untilEnd(ended: Promise<unknown>): Promise<void> {
    let running = true;
    const stop = () => {
      running = false;
    };
    ended.then(stop, stop);
    await turnOfEventLoop();
    let unused = false;
    while (running) unused = await this.#once(unused);
    while (this.#take() === 'more') if (!(await this.#showAll())) return;
  }

  /** @returns whether somebody has taken it, or will never: false where tsbox is not to wait any longer. */
  async #showAll(): Promise<boolean> {
    while (this.#shown.length > 0) {
      const { over } = this.#keyboard;
      const pause = over ? LAST_CHANCE : undefined;
      const { readable, writable } = waitFor([this.#events], pause, [this.#ends.output]);
      if (readable.length > 0) await turnOfEventLoop();
      if (writable.length > 0) this.#flush();
      else if (over && readable.length === 0) return false;
    }
    return true;
  }

  /** Waits once. @returns whether nobody in the box has the terminal open. */
  async #once(unused: boolean): Promise<boolean> {
    const { terminal, input = -1, output } = this.#ends;
    const { attached } = this.#keyboard;
    const reads = [this.#events];
    if (this.#shown.length === 0 && !unused) reads.push(terminal);
    if (this.#inputOpen && attached && this.#typed.length === 0) reads.push(input);
    const writes = [
      ...(this.#shown.length > 0 ? [output] : []),
      ...(this.#typed.length > 0 ? [terminal] : []),
    ];
    const timer = nextTimer() ?? Number.POSITIVE_INFINITY;
    const pause = Math.min(unused ? UNUSED : this.#pause(), Math.max(timer, 1));
    const ready = waitFor(reads, Number.isFinite(pause) ? pause : undefined, writes);
    if (!attached) this.#keyboard.look();
    if (ready.readable.includes(this.#events) || isNothing(ready)) await turnOfEventLoop();
    if (ready.readable.includes(input) || ready.closed.includes(input)) this.#takeTyped(input);
    this.#typeEnd();
    if (this.#typed.length > 0) this.#type();
    if (ready.writable.includes(output)) this.#flush();
    if (unused || ready.readable.includes(terminal)) return this.#take() === 'unused';
    return ready.closed.includes(terminal);
  }

  /** Milliseconds after which to look again, though nothing has come. */
  #pause(): number {
    const forEver = Number.POSITIVE_INFINITY;
    if (!this.#inputOpen) return this.#nextEnd === undefined ? forEver : END_OF_FILE_AGAIN;
    return this.#keyboard.attached ? forEver : AWAY;
  }

  #takeTyped(input: number): void {
    const size = read(input, this.#buffer);
    if (size === undefined) return;
    if (size === 0) {
      this.#inputOpen = false;
      this.#nextEnd = 0;
      return;
    }
    this.#typed = this.#keyboard.take(this.#buffer.slice(0, size));
    this.#lastTyped = this.#typed.at(-1) ?? this.#lastTyped;
  }

  #typeEnd(): void {
    if (this.#nextEnd === undefined || this.#typed.length > 0) return;
    const now = performance.now();
    if (now < this.#nextEnd) return;
    this.#nextEnd = now + END_OF_FILE_AGAIN;
    this.#typed = endOfFile(endOfFileKey(this.#ends.terminal), this.#lastTyped);
    this.#lastTyped = NEWLINE;
  }

  #type(): void {
    try {
      this.#typed = this.#typed.subarray(writeSync(this.#ends.terminal, this.#typed));
    } catch (error) {
      // Its buffer is full, or nobody will read it.
      if (codeOf(error) !== 'EAGAIN') this.#typed = new Uint8Array();
    }
  }

  /** Takes what the box has printed, once all before it is shown. */
  #take(): 'more' | 'nothing' | 'unused' {
    if (this.#shown.length > 0) return 'more';
    const size = read(this.#ends.terminal, this.#buffer);
    if (size === undefined) return 'nothing';
    if (size === 0) return 'unused';
    this.#shown = this.#buffer.slice(0, size);
    return 'more';
  }

  #flush(): void {
    if (!this.#outputOpen) this.#shown = new Uint8Array();
    if (this.#shown.length === 0) return;
    try {
      this.#shown = this.#shown.subarray(writeSync(this.#ends.output, this.#shown));
    } catch (error) {
      // Nobody looks any more; the box goes on, as podman's does.
      if (codeOf(error) !== 'EAGAIN') this.#outputOpen = false;
    }
  }
}

/** @returns 0 at the end, undefined where there is nothing yet. */
function read(fd: number, buffer: Uint8Array): number | undefined {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    // EIO: of a terminal, when its other end is open nowhere.
    return codeOf(error) === 'EAGAIN' ? undefined : 0;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Lets the handlers of signals and of the box's end run. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((settle) => setImmediate(settle));
}

/** The time is up, for a timer perhaps. */
function isNothing({ readable, closed, writable }: Ready): boolean {
  return readable.length + closed.length + writable.length === 0;
}

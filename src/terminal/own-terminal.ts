/**
 * The terminal that tsbox itself runs at, while it shows a box's: in raw mode, so that every key is
 * the box's, and as it was whenever tsbox is stopped, in the background or at its end.
 */
import {
  isInForeground,
  rawMode,
  setTerminalMode,
  type TerminalMode,
  terminalMode,
} from '../linux/terminal.ts';

export class OwnTerminal {
  readonly #fd: number;
  readonly #before: TerminalMode | undefined;
  #raw = false;

  /** @param fd which may be no terminal at all: nothing is done then. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#before = terminalMode(fd);
  }

  get isTerminal(): boolean {
    return this.#before !== undefined;
  }

  /** In the background it stays as the program in the foreground wants it. @returns whether keys come from it. */
  enter(): boolean {
    if (this.#before === undefined) return true;
    if (!isInForeground(this.#fd)) return false;
    setTerminalMode(this.#fd, rawMode(this.#before));
    this.#raw = true;
    return true;
  }

  leave(): void {
    if (!this.#raw || this.#before === undefined) return;
    this.#raw = false;
    // Whoever has it now would stop this process for an answer: TTOU, tcsetattr(3).
    if (isInForeground(this.#fd)) setTerminalMode(this.#fd, this.#before);
  }
}

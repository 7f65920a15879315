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
  /** While it is in raw mode: what it was before. */
  #before: TerminalMode | undefined;

  /** @param fd which may be no terminal at all: nothing is done then. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  get isTerminal(): boolean {
    return terminalMode(this.#fd) !== undefined;
  }

  /** In the background it stays as the program in the foreground wants it. @returns whether keys come from it. */
  enter(): boolean {
    const mode = this.#before ?? terminalMode(this.#fd);
    if (mode === undefined) return true;
    if (!isInForeground(this.#fd)) return false;
    setTerminalMode(this.#fd, rawMode(mode));
    this.#before = mode;
    return true;
  }

  leave(): void {
    const before = this.#before;
    this.#before = undefined;
    // Whoever has it now would stop this process for an answer: TTOU, tcsetattr(3).
    if (before !== undefined && isInForeground(this.#fd)) setTerminalMode(this.#fd, before);
  }
}

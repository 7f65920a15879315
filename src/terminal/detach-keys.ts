/** `--detach-keys`: the keys by which one leaves a box that has a terminal, podman-run(1). */
import { SpecError } from '../spec/errors.ts';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** The bytes that the keys send; none for an empty word. @throws SpecError */
export function parseDetachKeys(word: string): Uint8Array {
  if (word === '') return new Uint8Array();
  return Uint8Array.from(
    word.split(',').map((key) => {
      const control = /^ctrl-([a-z@^[\\\]_])$/.exec(key)?.[1];
      // Ctrl takes the upper bits away, ascii(7).
      if (control !== undefined) return control.charCodeAt(0) & 0x1f;
      if (/^[!-~]$/.test(key)) return key.charCodeAt(0);
      throw new SpecError([
        `--detach-keys ${word}: ${key === '' ? 'an empty key' : key} is not one: a character, or ctrl- with one of a-z @ ^ [ \\ ] _, separated by commas, are`,
      ]);
    }),
  );
}

/** What is typed, as far as it is the box's. */
export interface Typed {
  readonly bytes: Uint8Array;
  /** The keys were pressed; what was typed behind them is dropped. */
  readonly detached: boolean;
}

/** Looks for the keys in what is typed. The first of them are held back until the next key tells. */
export class DetachKeys {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** How many bytes are held back: so many more than a chunk has can come out with it. */
  get held(): number {
    return this.#matched;
  }

  take(chunk: Uint8Array): Typed {
    const keys = this.#keys;
    if (keys.length === 0) return { bytes: chunk, detached: false };
    const bytes: number[] = [];
    for (const byte of chunk) {
      while (this.#matched > 0 && byte !== keys[this.#matched]) this.#giveUpOne(bytes);
      if (byte !== keys[this.#matched]) bytes.push(byte);
      else if (++this.#matched === keys.length) {
        this.#matched = 0;
        return { bytes: Uint8Array.from(bytes), detached: true };
      }
    }
    return { bytes: Uint8Array.from(bytes), detached: false };
  }

  /** The longest end of what was matched that could still begin the keys is held back on. */
  #giveUpOne(bytes: number[]): void {
    const held = this.#keys.subarray(0, this.#matched);
    const rest = [...held.keys()]
      .slice(1)
      .find((start) => held.subarray(start).every((byte, index) => byte === this.#keys[index]));
    const given = rest ?? held.length;
    bytes.push(...held.subarray(0, given));
    this.#matched -= given;
  }
}

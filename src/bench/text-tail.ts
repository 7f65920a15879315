/** Bytes of a stream that are kept: enough for any report, too few to fill the memory. */
export const MAX_TEXT = 2 ** 20;

/** The last bytes of a stream. */
export class TextTail {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);

  /** @param limit in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#limit);
  }

  text(): string {
    return this.#bytes.toString('utf8');
  }
}

/** An encoded plan, of which every field can be read and set (native/plan.h, ORDER PLAN). */

/** Offset and size of each field, in bytes. */
const headerFields = {
  magic: [0, 4],
  version: [4, 2],
  slots: [6, 2],
  steps: [8, 4],
  relocations: [12, 4],
  dataSize: [16, 4],
  reserved: [20, 4],
} as const;

/** The last three are arrays: of 4, 8 and 6. */
const stepFields = {
  op: [0, 2],
  number: [2, 2],
  into: [4, 2],
  needs: [6, 2],
  accept: [8, 2],
  kinds: [16, 1],
  args: [24, 8],
} as const;

export type HeaderField = keyof typeof headerFields;
export type StepField = keyof typeof stepFields;

const HEADER_SIZE = 24;
const STEP_SIZE = 72;

export class PlanBytes {
  bytes: Buffer;

  /** @param plan is copied. */
  constructor(plan: Uint8Array) {
    this.bytes = Buffer.from(plan);
  }

  get(field: HeaderField): number {
    const [offset, size] = headerFields[field];
    return this.#read(offset, size);
  }

  set(field: HeaderField, value: number): this {
    const [offset, size] = headerFields[field];
    return this.#write(offset, size, BigInt(value));
  }

  /** @param nth which of an array's elements. */
  setStep(step: number, field: StepField, value: number | bigint, nth = 0): this {
    const [offset, size] = stepFields[field];
    return this.#write(
      HEADER_SIZE + step * STEP_SIZE + offset + nth * size,
      size,
      BigInt.asUintN(64, BigInt(value)),
    );
  }

  getRelocation(index: number): number {
    return this.#read(this.#relocation(index), 4);
  }

  setRelocation(index: number, offset: number): this {
    return this.#write(this.#relocation(index), 4, BigInt(offset));
  }

  /** Sets a word of the data area. */
  setWord(offset: number, value: number | bigint): this {
    return this.#write(this.dataStart + offset, 8, BigInt.asUintN(64, BigInt(value)));
  }

  /** What the header says, which need not be within the bytes. */
  get dataStart(): number {
    const end = this.#relocation(this.get('relocations'));
    return end + (-end & 7);
  }

  get steps(): Buffer[] {
    return Array.from({ length: this.get('steps') }, (_, index) => {
      const start = HEADER_SIZE + index * STEP_SIZE;
      return this.bytes.subarray(start, start + STEP_SIZE);
    });
  }

  get relocations(): number[] {
    return Array.from({ length: this.get('relocations') }, (_, index) => this.getRelocation(index));
  }

  get data(): Buffer {
    return this.bytes.subarray(this.dataStart);
  }

  /** The same header, but for the sizes, and these parts behind it. */
  assemble(steps: readonly Buffer[], relocations: readonly number[], data: Buffer): this {
    const header = this.bytes.subarray(0, HEADER_SIZE);
    const table = Buffer.from(Uint32Array.from(relocations).buffer);
    const padding = Buffer.alloc(-table.length & 7);
    this.bytes = Buffer.concat([header, ...steps, table, padding, data]);
    return this.set('steps', steps.length)
      .set('relocations', relocations.length)
      .set('dataSize', data.length);
  }

  #relocation(index: number): number {
    return HEADER_SIZE + this.get('steps') * STEP_SIZE + index * 4;
  }

  #read(offset: number, size: number): number {
    let value = 0;
    for (let at = size - 1; at >= 0; at--) value = value * 256 + (this.bytes[offset + at] ?? 0);
    return value;
  }

  /** What is not within the bytes is not written. */
  #write(offset: number, size: number, value: bigint): this {
    for (let at = 0; at < size; at++)
      this.bytes[offset + at] = Number((value >> BigInt(at * 8)) & 0xffn);
    return this;
  }
}

/**
 * Writes steps in the format of native/plan.h (ORDER PLAN), for tsbox-init to carry out.
 */
import { errnoNumber } from '../abi/errno.ts';
import { type Arch, syscallNumbers } from '../abi/syscalls.ts';
import type { Argument, Slot, Step } from './step.ts';

const MAGIC = 0x58425354;
const VERSION = 1;
const HEADER_SIZE = 24;
const STEP_SIZE = 72;
const NO_SLOT = 0xffff;
const UNLESS = 0x8000;
const OP_CALL = 0;
const OP_SUPERVISE = 1;
const ARG_NUMBER = 0;
const ARG_DATA = 1;
const ARG_SLOT = 2;

/** The most steps, slots and bytes that tsbox-init accepts. */
export const MAX_STEPS = 4096;
export const MAX_SLOTS = 512;
const MAX_DATA = 2 ** 24;

/**
 * Typed arrays write in the byte order of the processor: little-endian on each that tsbox knows.
 * @throws RangeError for more than {@link MAX_STEPS} steps or {@link MAX_SLOTS} slots.
 */
export function encodePlan(steps: readonly Step[], arch: Arch): Uint8Array {
  const data = new DataArea();
  const slots = new SlotNumbers();
  const head = new ArrayBuffer(HEADER_SIZE + steps.length * STEP_SIZE);
  for (const [index, each] of steps.entries())
    encodeStep(each, arch, new StepWriter(head, HEADER_SIZE + index * STEP_SIZE), data, slots);
  if (steps.length > MAX_STEPS) throw new RangeError(`${steps.length} steps, ${MAX_STEPS} at most`);
  if (slots.count > MAX_SLOTS) throw new RangeError(`${slots.count} slots, ${MAX_SLOTS} at most`);

  const area = data.finish();
  if (area.length > MAX_DATA) throw new RangeError(`${area.length} bytes, ${MAX_DATA} at most`);
  new Uint32Array(head, 0, 6).set([
    MAGIC,
    VERSION | (slots.count << 16),
    steps.length,
    data.relocations.length,
    area.length,
    0,
  ]);
  // The data area begins at a multiple of 8.
  const padded = data.relocations.length + (data.relocations.length % 2);
  const relocations = new Uint32Array(padded);
  relocations.set(data.relocations);
  return Buffer.concat([new Uint8Array(head), new Uint8Array(relocations.buffer), area]);
}

/** `struct plan_step`, field by field. */
class StepWriter {
  readonly #halves: Uint16Array;
  readonly #kinds: Uint8Array;
  readonly #words: Uint32Array;

  constructor(buffer: ArrayBuffer, start: number) {
    this.#halves = new Uint16Array(buffer, start, 8);
    this.#kinds = new Uint8Array(buffer, start + 16, 8);
    this.#words = new Uint32Array(buffer, start + 24, 12);
  }

  /** op, number, into, needs, accept[4] */
  halves(values: readonly number[]): void {
    if (values.length > 8) throw new RangeError('a step accepts at most four errors');
    this.#halves.set(values);
  }

  /** @param value a safe integer, or a bigint of up to 64 bits; negative ones in two's complement. */
  argument(index: number, kind: number, value: number | bigint): void {
    const low = typeof value === 'bigint' ? Number(value & 0xffffffffn) : value;
    const high = typeof value === 'bigint' ? Number((value >> 32n) & 0xffffffffn) : value / 2 ** 32;
    this.#kinds[index] = kind;
    this.#words[index * 2] = low;
    this.#words[index * 2 + 1] = Math.floor(high);
  }
}

function encodeStep(
  each: Step,
  arch: Arch,
  to: StepWriter,
  data: DataArea,
  slots: SlotNumbers,
): void {
  const { call, into, needs, unless, accept = [] } = each;
  const [op, number] =
    call === 'supervise' ? [OP_SUPERVISE, 0] : [OP_CALL, syscallNumbers[arch][call]];
  const condition = unless === undefined ? slots.number(needs) : slots.number(unless) | UNLESS;
  to.halves([op, number, slots.number(into), condition, ...accept.map(errnoNumber)]);
  for (const [index, argument] of each.args.entries()) {
    const [kind, value] = encodeArgument(argument, data, slots);
    to.argument(index, kind, value);
  }
}

function encodeArgument(
  argument: Argument,
  data: DataArea,
  slots: SlotNumbers,
): [kind: number, value: number | bigint] {
  switch (argument.kind) {
    case 'number':
      return [ARG_NUMBER, argument.value];
    case 'string':
      return [ARG_DATA, data.string(argument.value)];
    case 'strings':
      return [ARG_DATA, data.strings(argument.value)];
    case 'bytes':
      return [ARG_DATA, data.bytes(argument.value)];
    case 'slot':
      return [ARG_SLOT, slots.number(argument.slot)];
  }
}

class SlotNumbers {
  readonly #numbers = new Map<Slot, number>();

  get count(): number {
    return this.#numbers.size;
  }

  number(name: Slot | undefined): number {
    if (name === undefined) return NO_SLOT;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** The part of a plan that its steps point to. */
class DataArea {
  readonly relocations: number[] = [];
  readonly #known = new Map<string, number>();
  #area = Buffer.alloc(FIRST_AREA);
  #size = 0;

  /** Offset of a copy of the bytes, aligned for any structure. */
  bytes(value: Uint8Array): number {
    const offset = this.#take(value.length);
    this.#area.set(value, offset);
    return offset;
  }

  /** Equal strings are kept once. */
  string(value: string): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const offset = this.#take(Buffer.byteLength(value) + 1);
    this.#area.write(value, offset);
    this.#known.set(value, offset);
    return offset;
  }

  strings(values: readonly string[]): number {
    const offsets = values.map((value) => this.string(value));
    const start = this.#take((values.length + 1) * 8);
    offsets.forEach((offset, index) => {
      this.#area.writeUInt32LE(offset, start + index * 8);
      this.relocations.push(start + index * 8);
    });
    return start;
  }

  /** All of it, ending in zero so that every string in it ends. */
  finish(): Uint8Array {
    this.#take(1);
    return this.#area.subarray(0, this.#size);
  }

  /** Offset of that many zero bytes. */
  #take(size: number): number {
    const offset = this.#size;
    this.#size += (size + 7) & ~7;
    if (this.#size > this.#area.length) {
      const larger = Buffer.alloc(Math.max(this.#size, this.#area.length * 2));
      larger.set(this.#area);
      this.#area = larger;
    }
    return offset;
  }
}

/** Bytes that an ordinary plan does not exceed. */
const FIRST_AREA = 8192;

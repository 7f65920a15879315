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
const OP_CALL = 0;
const OP_SUPERVISE = 1;
const ARG_NUMBER = 0;
const ARG_DATA = 1;
const ARG_SLOT = 2;

/** The most steps and slots that tsbox-init accepts. */
export const MAX_STEPS = 4096;
export const MAX_SLOTS = 512;

/** @throws RangeError for more than {@link MAX_STEPS} steps or {@link MAX_SLOTS} slots. */
export function encodePlan(steps: readonly Step[], arch: Arch): Uint8Array {
  const data = new DataArea();
  const slots = new SlotNumbers();
  const encoded = steps.map((each) => encodeStep(each, arch, data, slots));
  if (steps.length > MAX_STEPS) throw new RangeError(`${steps.length} steps, ${MAX_STEPS} at most`);
  if (slots.count > MAX_SLOTS) throw new RangeError(`${slots.count} slots, ${MAX_SLOTS} at most`);

  const area = data.finish();
  const header = new Uint8Array(HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, slots.count, true);
  view.setUint32(8, steps.length, true);
  view.setUint32(12, data.relocations.length, true);
  view.setUint32(16, area.length, true);

  const relocations = new Uint8Array(data.relocations.length * 4);
  const relocationView = new DataView(relocations.buffer);
  data.relocations.forEach((offset, index) => {
    relocationView.setUint32(index * 4, offset, true);
  });
  const padding = new Uint8Array(-(HEADER_SIZE + relocations.length) & 7);
  return Buffer.concat([header, ...encoded, relocations, padding, area]);
}

function encodeStep(each: Step, arch: Arch, data: DataArea, slots: SlotNumbers): Uint8Array {
  const bytes = new Uint8Array(STEP_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, each.call === 'supervise' ? OP_SUPERVISE : OP_CALL, true);
  view.setUint16(2, each.call === 'supervise' ? 0 : syscallNumbers[arch][each.call], true);
  view.setUint16(4, slots.number(each.into), true);
  view.setUint16(6, slots.number(each.needs), true);
  each.accept?.forEach((name, index) => {
    view.setUint16(8 + index * 2, errnoNumber(name), true);
  });
  each.args.forEach((argument, index) => {
    const [kind, value] = encodeArgument(argument, data, slots);
    view.setUint8(16 + index, kind);
    view.setBigUint64(24 + index * 8, BigInt.asUintN(64, value), true);
  });
  return bytes;
}

function encodeArgument(argument: Argument, data: DataArea, slots: SlotNumbers): [number, bigint] {
  switch (argument.kind) {
    case 'number':
      return [ARG_NUMBER, argument.value];
    case 'string':
      return [ARG_DATA, BigInt(data.string(argument.value))];
    case 'strings':
      return [ARG_DATA, BigInt(data.strings(argument.value))];
    case 'bytes':
      return [ARG_DATA, BigInt(data.bytes(argument.value))];
    case 'slot':
      return [ARG_SLOT, BigInt(slots.number(argument.slot))];
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
  readonly #chunks: Uint8Array[] = [];
  readonly #known = new Map<string, number>();
  #size = 0;

  /** Offset of a copy of the bytes, aligned for any structure. */
  bytes(value: Uint8Array): number {
    const offset = this.#size;
    const padded = new Uint8Array((value.length + 7) & ~7);
    padded.set(value);
    this.#chunks.push(padded);
    this.#size += padded.length;
    return offset;
  }

  string(value: string): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const offset = this.bytes(Buffer.from(`${value}\0`));
    this.#known.set(value, offset);
    return offset;
  }

  strings(values: readonly string[]): number {
    const offsets = values.map((value) => this.string(value));
    const pointers = new Uint8Array((values.length + 1) * 8);
    const view = new DataView(pointers.buffer);
    offsets.forEach((offset, index) => {
      view.setBigUint64(index * 8, BigInt(offset), true);
    });
    const start = this.bytes(pointers);
    values.forEach((_, index) => {
      this.relocations.push(start + index * 8);
    });
    return start;
  }

  /** All of it, ending in zero so that every string in it ends. */
  finish(): Uint8Array {
    this.bytes(new Uint8Array(1));
    return Buffer.concat(this.#chunks);
  }
}

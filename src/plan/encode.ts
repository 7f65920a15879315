/**
 * Writes steps in the format of native/plan.h (ORDER PLAN), for tsbox-init to carry out.
 */
import { type ErrnoName, errnoNumber } from '../abi/errno.ts';
import { type Arch, syscallNumbers } from '../abi/syscalls.ts';
import { highHalf, lowHalf } from '../abi/word.ts';
import { bytesOfText } from '../spec/byte-text.ts';
import type { Argument, Fields, Slot, Step } from './step.ts';

const MAGIC = 0x58425354;
const VERSION = 3;
const HEADER_SIZE = 24;
const STEP_SIZE = 72;
const NO_SLOT = 0xffff;
const UNLESS = 0x8000;
const OP_CALL = 0;
const OP_SUPERVISE = 1;
const OP_CONTEXT = 2;
const OP_INIT = 3;
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
  const writer = new StepWriter(head);
  for (const each of steps) encodeStep(each, arch, writer, data, slots);
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

/** One `struct plan_step` after the other, field by field. */
class StepWriter {
  readonly #halves: Uint16Array;
  readonly #kinds: Uint8Array;
  readonly #words: Uint32Array;
  /** Where the current step begins, in bytes. */
  #start = HEADER_SIZE - STEP_SIZE;

  constructor(buffer: ArrayBuffer) {
    this.#halves = new Uint16Array(buffer);
    this.#kinds = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** Goes on to the next step: op, number, into, needs. */
  begin(op: number, number: number, into: number, needs: number): void {
    this.#start += STEP_SIZE;
    const first = this.#start / 2;
    this.#halves[first] = op;
    this.#halves[first + 1] = number;
    this.#halves[first + 2] = into;
    this.#halves[first + 3] = needs;
  }

  accept(index: number, errno: number): void {
    if (index > 3) throw new RangeError('a step accepts at most four errors');
    this.#halves[this.#start / 2 + 4 + index] = errno;
  }

  argument(index: number, kind: number, value: number | bigint): void {
    const word = (this.#start + 24) / 4 + index * 2;
    this.#kinds[this.#start + 16 + index] = kind;
    this.#words[word] = lowHalf(value);
    this.#words[word + 1] = highHalf(value);
  }
}

const none: readonly ErrnoName[] = [];

/** What is more than a system call: the first argument of the latter two is a file-system context. */
const operations: Partial<Readonly<Record<Step['call'], number>>> = {
  supervise: OP_SUPERVISE,
  become_init: OP_INIT,
  fsconfig: OP_CONTEXT,
  fsmount: OP_CONTEXT,
};

function encodeStep(
  each: Step,
  arch: Arch,
  to: StepWriter,
  data: DataArea,
  slots: SlotNumbers,
): void {
  const { call, args, into, needs, unless, accept = none } = each;
  const op = operations[call] ?? OP_CALL;
  const number = call === 'supervise' || call === 'become_init' ? 0 : syscallNumbers[arch][call];
  const condition = unless === undefined ? slots.number(needs) : slots.number(unless) | UNLESS;
  to.begin(op, number, slots.number(into), condition);
  for (let index = 0; index < accept.length; index++)
    to.accept(index, errnoNumber(accept[index] as ErrnoName));
  for (let index = 0; index < args.length; index++)
    encodeArgument(args[index] as Argument, index, to, data, slots);
}

function encodeArgument(
  argument: Argument,
  index: number,
  to: StepWriter,
  data: DataArea,
  slots: SlotNumbers,
): void {
  switch (argument.kind) {
    case 'number':
    case 'flags':
      to.argument(index, ARG_NUMBER, argument.value);
      break;
    case 'string':
      to.argument(index, ARG_DATA, data.string(argument.value));
      break;
    case 'strings':
      to.argument(index, ARG_DATA, data.strings(argument.value));
      break;
    case 'structure':
      to.argument(index, ARG_DATA, data.structure(argument.fields, argument.size));
      break;
    case 'bytes':
      to.argument(index, ARG_DATA, data.bytes(argument.value));
      break;
    case 'slot':
      to.argument(index, ARG_SLOT, slots.number(argument.slot));
      break;
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
  #bytes = Buffer.alloc(FIRST_AREA);
  #words = new Uint32Array(this.#bytes.buffer);
  #size = 0;

  /** Offset of a copy of the bytes, aligned for any structure. */
  bytes(value: Uint8Array): number {
    const offset = this.#take(value.length);
    this.#bytes.set(value, offset);
    return offset;
  }

  structure(fields: Fields, size: number): number {
    const values = Object.values(fields);
    if (values.length * 8 > size) throw new RangeError(`${values.length} fields in ${size} bytes`);
    const words = values.map((field) => this.#wordOf(field));
    const offset = this.#take(size);
    words.forEach(({ word, pointer }, index) => {
      this.#words[offset / 4 + index * 2] = lowHalf(word);
      this.#words[offset / 4 + index * 2 + 1] = highHalf(word);
      if (pointer) this.relocations.push(offset + index * 8);
    });
    return offset;
  }

  #wordOf(field: Fields[string]): { word: number | bigint; pointer: boolean } {
    if (field.kind === 'bytes') return { word: this.bytes(field.value), pointer: true };
    if (field.kind === 'structure')
      return { word: this.structure(field.fields, field.size), pointer: true };
    return { word: field.value, pointer: false };
  }

  /** Equal strings are kept once. */
  string(value: string): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const offset = this.#size;
    // UTF-8 has at most three bytes for each UTF-16 code unit.
    this.#reserve(value.length * 3 + 1);
    const size = value.isWellFormed()
      ? this.#bytes.write(value, offset)
      : bytesOfText(value).copy(this.#bytes, offset);
    this.#take(size + 1);
    this.#known.set(value, offset);
    return offset;
  }

  strings(values: readonly string[]): number {
    const offsets = values.map((value) => this.string(value));
    const start = this.#take((values.length + 1) * 8);
    offsets.forEach((offset, index) => {
      this.#words[start / 4 + index * 2] = offset;
      this.relocations.push(start + index * 8);
    });
    return start;
  }

  /** All of it, ending in zero so that every string in it ends. */
  finish(): Uint8Array {
    this.#take(1);
    return this.#bytes.subarray(0, this.#size);
  }

  /** Offset of that many bytes, at a multiple of 8. */
  #take(size: number): number {
    this.#reserve(size);
    const offset = this.#size;
    this.#size += (size + 7) & ~7;
    return offset;
  }

  /** Makes room for that many bytes more, which are zero. */
  #reserve(size: number): void {
    const needed = this.#size + size + 7;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc((Math.max(needed, this.#bytes.length * 2) + 7) & ~7);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#words = new Uint32Array(larger.buffer);
  }
}

/** Bytes that an ordinary plan does not exceed, a multiple of 8. */
const FIRST_AREA = 8192;

/** The encoder, the decoder and the header of the plan format say the same (ORDER PLAN). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errnoNumber } from '../../src/abi/errno.ts';
import { type Arch, syscallNumbers } from '../../src/abi/syscalls.ts';
import { encodePlan, MAX_SLOTS, MAX_STEPS } from '../../src/plan/encode.ts';
import { decodeReport, planFaults, reportSize } from '../../src/plan/report.ts';
import type { Argument, Slot, Step } from '../../src/plan/step.ts';
import { anySteps } from './any-steps.ts';
import { type Decoded, type DecodedArgument, decode, decodeAll } from './decode-check.ts';
import { readHeader } from './header.ts';

const header = readHeader('plan.h');
const ops = header.numbersOf('plan_op');
const kinds = header.numbersOf('plan_arg');
const NO_SLOT = header.defined('PLAN_NO_SLOT');
const UNLESS = header.defined('PLAN_UNLESS');

const hex = (text: string) => Buffer.from(text).toString('hex');
const unsigned = (value: number | bigint) => String(BigInt.asUintN(64, BigInt(value)));

type Structure = Extract<Argument, { kind: 'structure' }>;

/** Its words; of bytes that are pointed to, the bytes. */
function fieldsOf({ fields }: Structure): string[] {
  return Object.values(fields).flatMap((field) => {
    if (field.kind === 'structure') return fieldsOf(field);
    return field.kind === 'bytes'
      ? Buffer.from(field.value).toString('hex')
      : unsigned(field.value);
  });
}

/** The same, as they were decoded, and what is behind them. */
function fieldsAt(data: string, offset: number, { fields, size }: Structure): string[] {
  const bytes = Buffer.from(data, 'hex');
  const rest = bytes.subarray(offset + Object.keys(fields).length * 8, offset + size);
  const found = Object.values(fields).flatMap((field, index) => {
    const word = bytes.readBigUInt64LE(offset + index * 8);
    if (field.kind === 'structure') return fieldsAt(data, Number(word), field).slice(0, -1);
    return field.kind === 'bytes'
      ? bytes.subarray(Number(word), Number(word) + field.value.length).toString('hex')
      : String(word);
  });
  return rest.every((byte) => byte === 0) ? found : [...found, rest.toString('hex')];
}

/** What each relocated pointer leads to, up to the first zero. */
function pointersOf(argument: Argument): string[] {
  if (argument.kind === 'strings') return argument.value.map(hex);
  if (argument.kind !== 'structure') return [];
  return Object.values(argument.fields).flatMap((field) =>
    field.kind === 'bytes'
      ? [Buffer.from(field.value.subarray(0, field.value.indexOf(0))).toString('hex')]
      : [],
  );
}

/** What the decoder must have read of an argument, in the words of `read` below; slots by their names. */
function written(argument: Argument | undefined): unknown[] {
  switch (argument?.kind) {
    case undefined:
      return [kinds.ARG_NUMBER, '0'];
    case 'number':
    case 'flags':
      return [kinds.ARG_NUMBER, unsigned(argument.value)];
    case 'string':
      return [kinds.ARG_DATA, hex(argument.value)];
    case 'strings':
      return argument.value.length === 0
        ? [kinds.ARG_DATA, '00'.repeat(8)]
        : [kinds.ARG_DATA, argument.value.map(hex), '0'];
    case 'structure':
      return [kinds.ARG_DATA, fieldsOf(argument)];
    case 'bytes':
      return [kinds.ARG_DATA, Buffer.from(argument.value).toString('hex')];
    case 'slot':
      return [kinds.ARG_SLOT, argument.slot];
  }
}

/** What it did read; `names` are those of the slots' numbers. */
function read(
  found: DecodedArgument,
  argument: Argument | undefined,
  { data }: Decoded,
  names: ReadonlyMap<number, Slot>,
): unknown[] {
  const { kind, value, string, strings, behind } = found;
  const bytes = (size: number) => data.slice(Number(value) * 2, (Number(value) + size) * 2);
  if (kind === kinds.ARG_SLOT) return [kind, names.get(Number(value))];
  if (kind === kinds.ARG_NUMBER) return [kind, value];
  if (argument?.kind === 'bytes') return [kind, bytes(argument.value.length)];
  if (argument?.kind === 'structure') return [kind, fieldsAt(data, Number(value), argument)];
  if (argument?.kind === 'strings' && argument.value.length === 0) return [kind, bytes(8)];
  return strings === undefined ? [kind, string] : [kind, strings, behind];
}

/** Each slot's name beside its number, wherever a step speaks of one. */
function slotsOf(step: Step, found: Decoded['steps'][number]): [Slot, number][] {
  const args = step.args.map((argument, index): [Slot | undefined, number] => [
    argument.kind === 'slot' ? argument.slot : undefined,
    Number(found.args[index]?.value),
  ]);
  return [
    [step.into, found.into],
    [step.needs, found.needs],
    [step.unless, found.needs & ~UNLESS],
    ...args,
  ].flatMap(([name, number]) => (typeof name === 'string' ? [[name, Number(number)]] : []));
}

function expectSame(steps: readonly Step[], arch: Arch, decoded: Decoded): void {
  expect(decoded.fault).toBe(0);
  expect(decoded.steps).toHaveLength(steps.length);
  const pairs = decoded.steps.flatMap((found, index) => slotsOf(steps[index] as Step, found));
  const [numbers, names] = [new Map(pairs), new Map(pairs.map(([name, number]) => [number, name]))];
  expect([...names.keys()].sort((a, b) => a - b)).toEqual([...Array(decoded.slots).keys()]);
  expect(numbers.size).toBe(names.size);

  expect(decoded.pointers).toEqual(steps.flatMap(({ args }) => args.flatMap(pointersOf)));

  const slot = (name: Slot | undefined) => (name === undefined ? NO_SLOT : numbers.get(name));
  steps.forEach(({ call, args, into, needs, unless, accept = [] }, index) => {
    const found = decoded.steps[index] as Decoded['steps'][number];
    const own = {
      supervise: ops.OP_SUPERVISE,
      become_init: ops.OP_INIT,
      fsconfig: ops.OP_CONTEXT,
      fsmount: ops.OP_CONTEXT,
    };
    const none = call === 'supervise' || call === 'become_init';
    expect(found).toMatchObject({
      op: call in own ? own[call as keyof typeof own] : ops.OP_CALL,
      number: none ? 0 : syscallNumbers[arch][call],
      into: slot(into),
      needs: unless === undefined ? slot(needs) : Number(slot(unless)) | UNLESS,
      accept: [...accept.map(errnoNumber), 0, 0, 0, 0].slice(0, 4),
    });
    expect(found.args.map((each, at) => read(each, args[at], decoded, names))).toEqual(
      found.args.map((_, at) => written(args[at])),
    );
  });
}

test('what is decoded is what was encoded', () => {
  const plans = fc.array(anySteps, { maxLength: 20 });
  fc.assert(
    fc.property(plans, fc.constantFrom('x64', 'arm64'), (lists, arch) => {
      const decoded = decodeAll(lists.map((steps) => encodePlan(steps, arch)));
      lists.forEach((steps, index) => {
        expectSame(steps, arch, decoded[index] as Decoded);
      });
    }),
    { numRuns: 30 },
  );
});

const nothing: Step = { call: 'setsid', args: [], why: '' };
const intoSlot = (index: number): Step => ({ ...nothing, into: `slot${index}` });
const steps = (count: number, make: (index: number) => Step = () => nothing) =>
  Array.from({ length: count }, (_, index) => make(index));

test('the most steps and slots that the decoder takes are those that the encoder writes', () => {
  expect(decode(encodePlan(steps(MAX_STEPS), 'x64')).fault).toBe(0);
  expect(decode(encodePlan(steps(MAX_SLOTS, intoSlot), 'x64')).slots).toBe(MAX_SLOTS);
  expect(() => encodePlan(steps(MAX_STEPS + 1), 'x64')).toThrow('4097 steps, 4096 at most');
  expect(() => encodePlan(steps(MAX_SLOTS + 1, intoSlot), 'x64')).toThrow('513 slots, 512 at most');
});

test('equal strings are written once', () => {
  const say = (value: string): Step => ({ ...nothing, args: [{ kind: 'string', value }] });
  const twice = decode(encodePlan([say('a string'), say('a string')], 'x64'));
  expect(twice.steps[0]?.args[0]).toEqual(twice.steps[1]?.args[0]);
  expect(twice.data).toHaveLength(decode(encodePlan([say('a string')], 'x64')).data.length);
});

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const empty = view(encodePlan([], 'x64'));

test.each([
  ['magic', empty.getUint32(0, true), header.defined('PLAN_MAGIC')],
  ['version', empty.getUint16(4, true), header.defined('PLAN_VERSION')],
  ['steps at most', MAX_STEPS, header.defined('PLAN_MAX_STEPS')],
  ['slots at most', MAX_SLOTS, header.defined('PLAN_MAX_SLOTS')],
  ['no slot', view(encodePlan([nothing], 'x64')).getUint16(24 + 4, true), NO_SLOT],
  ['size of a plan without steps', empty.byteLength, header.sizeOf('plan_header') + 8],
  [
    'size of a step',
    encodePlan([nothing], 'x64').length - empty.byteLength,
    header.sizeOf('plan_step'),
  ],
  ['size of a report', reportSize(0), header.sizeOf('report_header')],
  ['size of its entry', reportSize(1) - reportSize(0), header.sizeOf('report_entry')],
])('%s: TypeScript’s is the header’s', (_, ours, theirs) => {
  expect(ours).toBe(theirs);
});

test.each(Object.entries(header.numbersOf('report_state')))('%s is read back', (name, number) => {
  const bytes = new Uint8Array(reportSize(0));
  view(bytes).setUint32(0, header.defined('REPORT_MAGIC'), true);
  view(bytes).setUint32(4, number, true);
  expect(decodeReport(bytes)?.state).toBe(name.replace('REPORT_', '').toLowerCase());
});

test('every fault has its sentence, in the header’s order', () => {
  const comments: Record<string, string> = {
    FAULT_NONE: 'none',
    ...header.commentsOf('plan_fault'),
  };
  const faults = Object.entries(header.numbersOf('plan_fault'));
  expect(faults.map(([, number]) => number)).toEqual([...planFaults.keys()]);
  expect(faults.map(([name]) => comments[name])).toEqual(planFaults);
});

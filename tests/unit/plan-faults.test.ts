/** The decoder refuses a plan that was damaged in one way, and says in which. */
import { expect, test } from 'vitest';
import { execve, fchdir, openat } from '../../src/plan/calls.ts';
import { encodePlan } from '../../src/plan/encode.ts';
import { step } from '../../src/plan/step.ts';
import { PlanBytes } from '../fuzz/plan-bytes.ts';
import { decode } from './decode-check.ts';
import { readHeader } from './header.ts';

const faults = readHeader('plan.h').numbersOf('plan_fault');

const valid = encodePlan(
  [
    step(openat('x64', '/', ['O_PATH']), '', { into: 'root', accept: ['ENOENT'] }),
    step(fchdir('root'), '', { needs: 'root' }),
    step(execve('/bin/true', ['true'], ['A=1', 'B=2']), ''),
  ],
  'x64',
);
const whole = new PlanBytes(valid);
const [slots, size] = [whole.get('slots'), whole.get('dataSize')];
const place = whole.getRelocation(0);
const [OPEN, ENTER] = [0, 1];
const PATH = 1;

type Damage = (plan: PlanBytes) => unknown;
type Call<K extends 'set' | 'setStep' | 'setRelocation' | 'setWord'> = (
  ...args: Parameters<PlanBytes[K]>
) => Damage;
const set: Call<'set'> = (field, value) => (plan) => plan.set(field, value);
const setStep: Call<'setStep'> = (step, field, value, nth) => (plan) =>
  plan.setStep(step, field, value, nth);
const setRelocation: Call<'setRelocation'> = (index, to) => (plan) => plan.setRelocation(index, to);
const setWord: Call<'setWord'> = (offset, value) => (plan) => plan.setWord(offset, value);
const cut =
  (end: number): Damage =>
  (plan) => {
    plan.bytes = plan.bytes.subarray(0, end);
  };
const append: Damage = (plan) => {
  plan.bytes = Buffer.concat([plan.bytes, Buffer.alloc(1)]);
};
/** No steps, these relocations, and so many bytes of data, all of them zero. */
const only =
  (bytes: number, ...relocations: number[]): Damage =>
  (plan) =>
    plan.assemble([], relocations, Buffer.alloc(bytes));

const damages: Record<string, Record<string, Damage>> = {
  FAULT_SHORT: {
    'an empty file': cut(0),
    'half a header': cut(12),
    'a header alone': cut(24),
    'without its last byte': cut(-1),
    'a step more than there is': set('steps', 4),
    'more relocations than there are': set('relocations', 9),
    'the most steps': set('steps', 4096),
    'the most data': set('dataSize', 2 ** 24),
  },
  FAULT_LENGTH: {
    'a byte more': append,
    'a step less than there is': set('steps', 2),
    'less data than there is': set('dataSize', size - 1),
  },
  FAULT_MAGIC: {
    'another first byte': set('magic', whole.get('magic') ^ 1),
    'another last byte': set('magic', whole.get('magic') ^ 0x01000000),
  },
  FAULT_VERSION: {
    'the next version': set('version', 4),
    'no version': set('version', 0),
  },
  FAULT_LIMIT: {
    'a slot too many': set('slots', 513),
    'a step too many': set('steps', 4097),
    'steps whose size overflows 32 bits': set('steps', 2 ** 32 - 1),
    'a byte too many': set('dataSize', 2 ** 24 + 1),
    'bytes without end': set('dataSize', 2 ** 32 - 1),
    'a relocation too many': set('relocations', 2 ** 21 + 1),
  },
  FAULT_DATA: {
    'a last string that does not end': setWord(size - 8, 1n << 56n),
    'no data at all': only(0),
  },
  FAULT_RELOCATION: {
    'at a place that is not aligned': setRelocation(0, place + 4),
    'behind the data': setRelocation(0, size),
    'far behind the data': setRelocation(0, 2 ** 32 - 8),
    'half behind the data': only(12, 8),
    'in data too small for a pointer': only(7, 0),
    'of a pointer behind the data': setWord(place, size),
    'of a negative pointer': setWord(place, -1),
    'twice at one place': setRelocation(1, place),
  },
  FAULT_OP: {
    'the first unknown operation': setStep(OPEN, 'op', 4),
    'the last unknown operation': setStep(OPEN, 'op', 0xffff),
  },
  FAULT_ARG: {
    'a first argument of unknown kind': setStep(OPEN, 'kinds', 3),
    'a sixth argument of unknown kind': setStep(OPEN, 'kinds', 255, 5),
  },
  FAULT_POINTER: {
    'just behind the data': setStep(OPEN, 'args', size, PATH),
    'before the data': setStep(OPEN, 'args', -8, PATH),
    'inside the data in its low 32 bits': setStep(OPEN, 'args', 1n << 32n, PATH),
  },
  FAULT_SLOT: {
    'into the slot behind the last': setStep(OPEN, 'into', slots),
    'into the slot before none': setStep(OPEN, 'into', 0xfffe),
    'needing the slot behind the last': setStep(ENTER, 'needs', slots),
    'from the slot behind the last': setStep(ENTER, 'args', slots),
    'from no slot': setStep(ENTER, 'args', 0xffff),
    'from a slot in its low 32 bits': setStep(ENTER, 'args', 1n << 32n),
    'in a plan without slots': set('slots', 0),
  },
  FAULT_NONE: {
    nothing: () => undefined,
    'the smallest plan': only(1),
    'the smallest plan with a relocation': only(8, 0),
    'a slot more than are used': set('slots', slots + 1),
    'a string that is the last byte': setStep(OPEN, 'args', size - 1, PATH),
    'a pointer to the last byte': setWord(place, size - 1),
    'a pointer that is the last word': setRelocation(0, size - 8),
  },
};

const cases = Object.entries(damages).flatMap(([fault, ways]) =>
  Object.entries(ways).map(([way, damage]): [string, string, Damage] => [fault, way, damage]),
);

test.each(cases)('%s: %s', (fault, _, damage) => {
  const plan = new PlanBytes(valid);
  damage(plan);
  expect(decode(plan.bytes).fault).toBe(faults[fault]);
});

test('every fault that the decoder can give is provoked', () => {
  // FAULT_REPORT is the interpreter's: init.test.ts.
  const provoked = [...Object.keys(damages), 'FAULT_REPORT'];
  expect(provoked.sort()).toEqual(Object.keys(faults).sort());
});

/** Arbitrary steps: everything that the plan format can say, whether or not it makes sense. */
import fc from 'fast-check';
import { type ErrnoName, errnoName } from '../../src/abi/errno.ts';
import { type SyscallName, syscallNumbers } from '../../src/abi/syscalls.ts';
import type { Argument, Slot, Step } from '../../src/plan/step.ts';

const calls = Object.keys(syscallNumbers.x64) as SyscallName[];
const errnos = Array.from({ length: 40 }, (_, index) => errnoName(index + 1) as ErrnoName);

const slot: fc.Arbitrary<Slot> = fc.oneof(
  fc.constantFrom('root', 'target', 'target.1'),
  fc.nat(300).map((number) => `slot${number}`),
);

/** Without zero bytes: in C they would end it. */
const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));

const number = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, -1n, -100n, 2n ** 63n, 2n ** 64n - 1n),
);

/** With a final zero, at which the decoder's check stops to print what is pointed to. */
const pointedTo = fc
  .uint8Array({ maxLength: 90 })
  .map((value) => ({ kind: 'bytes' as const, value: Uint8Array.of(...value, 0), text: '' }));

const field = fc.oneof(
  number.map((value) => ({ kind: 'number' as const, value })),
  pointedTo,
);

const structure = fc.tuple(fc.array(field, { maxLength: 5 }), fc.nat(3)).map(([fields, more]) => ({
  kind: 'structure' as const,
  fields: Object.fromEntries(fields.map((each, index) => [`field${index}`, each])),
  size: (fields.length + more) * 8,
}));

const argument: fc.Arbitrary<Argument> = fc.oneof(
  number.map((value) => ({ kind: 'number' as const, value })),
  fc.nat(2 ** 32 - 1).map((value) => ({ kind: 'flags' as const, value, names: [] })),
  structure,
  text.map((value) => ({ kind: 'string' as const, value })),
  fc.array(text, { maxLength: 8 }).map((value) => ({ kind: 'strings' as const, value })),
  fc.uint8Array({ maxLength: 90 }).map((value) => ({ kind: 'bytes' as const, value, text: '' })),
  slot.map((name) => ({ kind: 'slot' as const, slot: name })),
);

const step: fc.Arbitrary<Step> = fc
  .record(
    {
      call: fc.oneof(
        fc.constantFrom(...calls),
        fc.constantFrom('supervise' as const, 'become_init' as const),
      ),
      args: fc.array(argument, { maxLength: 6 }),
      why: fc.constant('so'),
      into: slot,
      condition: fc.oneof(
        slot.map((needs) => ({ needs })),
        slot.map((unless) => ({ unless })),
      ),
      accept: fc.array(fc.constantFrom(...errnos), { maxLength: 4 }),
    },
    { requiredKeys: ['call', 'args', 'why'] },
  )
  .map(({ condition, ...rest }) => ({ ...rest, ...condition }));

export const anySteps = fc.array(step, { maxLength: 30 });

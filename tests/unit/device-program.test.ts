/** The program of a device filter, run by an interpreter of its few instructions. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bpfOpcodes } from '../../src/abi/bpf.ts';
import { printAction } from '../../src/plan/action.ts';
import { deviceProgram } from '../../src/plan/device-program.ts';
import { allows } from '../../src/spec/device-rules.ts';
import { container } from './boxes.ts';
import { type Attempt, anyRules, permits } from './device-rules.ts';

const numbers = [0, 1, 5, 136, 0xfff, 0xfffff];
const anyAttempt: fc.Arbitrary<Attempt> = fc.record({
  type: fc.constantFrom('b', 'c'),
  major: fc.constantFrom(...numbers),
  minor: fc.constantFrom(...numbers),
  access: fc.constantFrom('r', 'w', 'm', 'rw', 'rwm'),
});

/** Registers of 64 bits; the program is refused as the kernel would when it leaves its bounds. */
function run(program: Uint8Array, { type, major, minor, access }: Attempt): boolean {
  const asked = [...access].reduce((mask, letter) => mask | ({ m: 1, r: 2, w: 4 }[letter] ?? 0), 0);
  const context = new DataView(new ArrayBuffer(12));
  [(asked << 16) | (type === 'b' ? 1 : 2), major, minor].forEach((word, index) => {
    context.setUint32(index * 4, word, true);
  });
  const registers = new BigUint64Array(11);
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  for (let at = 0; at < program.length; at += 8) {
    const [opcode, operands] = [view.getUint8(at), view.getUint8(at + 1)];
    const [offset, value] = [view.getInt16(at + 2, true), BigInt(view.getInt32(at + 4, true))];
    const [to, from] = [operands & 15, operands >> 4];
    const [own = 0n, other = 0n] = [registers[to], registers[from]];
    const set = (result: bigint) => {
      registers[to] = result;
    };
    if (opcode === bpfOpcodes.EXIT) return registers[0] !== 0n;
    else if (opcode === bpfOpcodes.LOAD_32) set(BigInt(context.getUint32(offset, true)));
    else if (opcode === bpfOpcodes.MOVE) set(value);
    else if (opcode === bpfOpcodes.OR) set(own | BigInt.asUintN(64, value));
    else if (opcode === bpfOpcodes.AND) set(own & BigInt.asUintN(64, value));
    else if (opcode === bpfOpcodes.AND_REGISTER) set(own & other);
    else if (opcode === bpfOpcodes.SHIFT_RIGHT) set(own >> value);
    else if (opcode === bpfOpcodes.JUMP_UNLESS_EQUAL_32)
      at += BigInt.asUintN(32, own) === BigInt.asUintN(32, value) ? 0 : offset * 8;
    else if (opcode === bpfOpcodes.JUMP_IF_EQUAL_REGISTER) at += own === other ? offset * 8 : 0;
    else throw new Error(`unknown instruction ${opcode}`);
  }
  throw new Error('the program runs past its end');
}

test('the program says what the rules say, and so does the planning', () => {
  fc.assert(
    fc.property(anyRules(numbers), anyAttempt, (rules, attempt) => {
      const expected = permits(rules, attempt);
      expect(run(deviceProgram(rules), attempt)).toBe(expected);
      const each = [...attempt.access].every((letter) =>
        allows(rules, { path: '/dev/x', ...attempt }, letter),
      );
      expect(each).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

const filterOf = (own: Parameters<typeof container>[0]) =>
  container(own).before.flatMap((action) => (action.call === 'filter_devices' ? [action] : []))[0];

test.each<[Attempt, boolean]>([
  [{ type: 'c', major: 1, minor: 3, access: 'rw' }, true],
  [{ type: 'b', major: 1, minor: 3, access: 'r' }, false],
  [{ type: 'c', major: 1, minor: 1, access: 'r' }, false],
  [{ type: 'c', major: 5, minor: 0, access: 'rw' }, true],
  [{ type: 'c', major: 5, minor: 1, access: 'w' }, false],
  [{ type: 'c', major: 5, minor: 2, access: 'rw' }, true],
  [{ type: 'c', major: 136, minor: 7, access: 'rw' }, true],
  [{ type: 'b', major: 8, minor: 0, access: 'r' }, false],
  [{ type: 'b', major: 8, minor: 0, access: 'm' }, true],
  [{ type: 'c', major: 10, minor: 229, access: 'r' }, false],
])('a box without flags: %j is allowed: %s', (attempt, expected) => {
  expect(run(deviceProgram(filterOf({})?.rules ?? []), attempt)).toBe(expected);
});

test.each<[Parameters<typeof container>[0], boolean]>([
  [{}, true],
  [{ device: ['/dev/one'] }, true],
  [{ device: ['/dev/one:rw'] }, true],
  [{ device: ['/dev/one:rm'] }, false],
  [{ device: ['/dev/one', '/dev/another:w'] }, false],
  [{ tmpfs: ['/t:dev'], userns: 'host' }, false],
  [{ tmpfs: ['/t:dev'] }, true],
])('%j does without the filter where there is none: %s', (own, optional) => {
  expect(filterOf(own)?.optional).toBe(optional);
});

test('explain shows the rules, not the program', () => {
  const filter = filterOf({ device: ['/dev/one:r'] });
  expect(filter && printAction(filter)).toMatch(
    /^bpf\(BPF_PROG_LOAD, \{BPF_PROG_TYPE_CGROUP_DEVICE, "allow b 240:8 r, allow a \*:\* m, allow c 1:3 rwm, .*"\}\), bpf\(BPF_PROG_ATTACH, \{"\/sys\/fs\/cgroup\/tsbox\/ID", /,
  );
});

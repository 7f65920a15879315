/**
 * Rules about devices as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE. The kernel runs it when
 * a process of the cgroup opens or makes a device node, with `struct bpf_cgroup_dev_ctx` (linux/bpf.h)
 * in register 1: three 32-bit numbers, access and type together, major, minor. Zero refuses.
 *
 * The program goes through all rules in their order and keeps a mask of what they allow so far: at
 * the end all that is asked for must be in it. No rule needs to know of another.
 */
import { bpfOpcodes, deviceAccess, deviceTypes } from '../abi/bpf.ts';
import type { DeviceRule } from '../spec/spec.ts';

/** Registers: 0 is the verdict, 1 the context. */
const [VERDICT, CONTEXT, TYPE, MAJOR, MINOR, ALLOWED, ASKED] = [0, 1, 2, 3, 4, 5, 6];

type Opcode = keyof typeof bpfOpcodes;
type Instruction = Uint8Array;

/** The program's instructions, eight bytes each. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  return Buffer.concat([
    instruction('LOAD_32', TYPE, { source: CONTEXT, offset: 0 }),
    instruction('LOAD_32', MAJOR, { source: CONTEXT, offset: 4 }),
    instruction('LOAD_32', MINOR, { source: CONTEXT, offset: 8 }),
    instruction('LOAD_32', ASKED, { source: CONTEXT, offset: 0 }),
    instruction('SHIFT_RIGHT', ASKED, { value: 16 }),
    instruction('AND', TYPE, { value: 0xffff }),
    instruction('MOVE', ALLOWED, { value: 0 }),
    ...rules.flatMap(ruleInstructions),
    instruction('AND_REGISTER', ALLOWED, { source: ASKED }),
    instruction('MOVE', VERDICT, { value: 1 }),
    instruction('JUMP_IF_EQUAL_REGISTER', ALLOWED, { source: ASKED, offset: 1 }),
    instruction('MOVE', VERDICT, { value: 0 }),
    instruction('EXIT', 0),
  ]);
}

/** Changes the mask unless something that the rule names is another. */
function ruleInstructions({ allow, type = 'a', major, minor, access }: DeviceRule): Instruction[] {
  const mask = accessMask(access);
  const change = allow
    ? instruction('OR', ALLOWED, { value: mask })
    : instruction('AND', ALLOWED, { value: ~mask });
  const conditions: [number, number | undefined][] = [
    [TYPE, type === 'a' ? undefined : deviceTypes[type]],
    [MAJOR, major],
    [MINOR, minor],
  ];
  const named = conditions.filter((each): each is [number, number] => each[1] !== undefined);
  const tests = named.map(([register, value], index) =>
    instruction('JUMP_UNLESS_EQUAL_32', register, { value, offset: named.length - index }),
  );
  return [...tests, change];
}

function accessMask(access = 'rwm'): number {
  return (['m', 'r', 'w'] as const)
    .filter((letter) => access.includes(letter))
    .reduce((mask, letter) => mask | deviceAccess[letter], 0);
}

/** `struct bpf_insn`, on a little-endian machine. */
function instruction(
  opcode: Opcode,
  destination: number,
  { source = 0, offset = 0, value = 0 }: { source?: number; offset?: number; value?: number } = {},
): Instruction {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[0] = bpfOpcodes[opcode];
  bytes[1] = destination | (source << 4);
  view.setInt16(2, offset, true);
  view.setInt32(4, value | 0, true);
  return bytes;
}

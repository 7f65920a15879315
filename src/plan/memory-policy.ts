/** From which nodes of a large machine the box takes memory: set_mempolicy(2), `linux.memoryPolicy`. */
import { memoryPolicyFlags, memoryPolicyModes } from '../abi/memory-policy.ts';
import type { Box } from '../spec/box.ts';
import { numbersOf } from '../spec/number-list.ts';
import type { MemoryPolicy } from '../spec/spec.ts';
import { NULL, number, ZERO } from './arguments.ts';
import { type Call, type Step, step } from './step.ts';

export function setMemoryPolicy({ spec }: Box): Step[] {
  const policy = spec.linux.memoryPolicy;
  if (policy === undefined) return [];
  return [
    step(setMempolicy(policy), 'linux.memoryPolicy', {
      hint: 'the nodes must be some that have memory (/sys/devices/system/node/has_memory), and the kernel must know the mode (MPOL_WEIGHTED_INTERLEAVE: Linux 6.9)',
    }),
  ];
}

/** The kernel takes one bit less than the number of them that it is told. */
function setMempolicy({ mode, nodes, flags }: MemoryPolicy): Call {
  const bits = flags.reduce<number>((sum, flag) => sum | memoryPolicyFlags[flag], 0);
  const words = number(memoryPolicyModes[mode] | bits, [mode, ...flags].join('|'));
  const numbers = numbersOf(nodes);
  if (numbers.length === 0) return { call: 'set_mempolicy', args: [words, NULL, ZERO] };
  const mask = new Uint8Array((Math.floor(Math.max(...numbers) / 64) + 1) * 8);
  for (const node of numbers) mask[node >> 3] = (mask[node >> 3] ?? 0) | (1 << (node & 7));
  return {
    call: 'set_mempolicy',
    args: [words, { kind: 'bytes', value: mask, text: `[${nodes}]` }, number(mask.length * 8 + 1)],
  };
}

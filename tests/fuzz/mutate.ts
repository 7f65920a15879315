/** Damages valid plans, in ways that an attacker or a fault of the encoder could. */
import { PlanBytes } from './plan-bytes.ts';

/** A number in [0, 1). */
export type Random = () => number;

const below = (random: Random, limit: number) => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;

/** Small numbers, and those at which bits or the limits of the format end. */
const edges = [0n, 1n, 8n, 512n, 4096n].concat(
  [7, 8, 15, 16, 24, 31, 32, 63, 64].map((bits) => 1n << BigInt(bits)),
);

/** A number about which a check may be wrong: an edge, or a size of this very plan, or near one. */
function extreme(random: Random, plan: PlanBytes): bigint {
  const sizes = [plan.get('steps'), plan.get('slots'), plan.get('dataSize'), plan.bytes.length];
  const base = pick(random, [...edges, ...sizes.map(BigInt)]);
  return BigInt.asUintN(64, base + pick(random, [0n, 0n, -1n, 1n, -8n, 8n, -7n, 4n]));
}

type Mutation = (random: Random, plan: PlanBytes, other: PlanBytes) => void;

/** Those that keep the plan's layout. */
const fieldMutations: readonly Mutation[] = [
  (random, plan) => {
    const fields = ['op', 'number', 'into', 'needs', 'accept'] as const;
    const step = below(random, plan.get('steps'));
    plan.setStep(step, pick(random, fields), extreme(random, plan));
  },
  (random, plan) => {
    const step = below(random, plan.get('steps'));
    plan.setStep(step, 'kinds', pick(random, [0, 1, 1, 2, 2, 3, 255]), below(random, 6));
  },
  (random, plan) => {
    const [step, argument] = [below(random, plan.get('steps')), below(random, 6)];
    plan.setStep(step, 'kinds', pick(random, [1, 2]), argument);
    plan.setStep(step, 'args', extreme(random, plan), argument);
  },
  (random, plan) => {
    const offset = pick(random, [
      extreme(random, plan),
      BigInt(below(random, plan.get('dataSize') / 8) * 8),
    ]);
    plan.setRelocation(below(random, plan.get('relocations')), Number(offset & 0xffffffffn));
  },
  (random, plan) => {
    const place = plan.getRelocation(below(random, plan.get('relocations')));
    plan.setWord(place, extreme(random, plan));
  },
];

/** Some of a list, all of it or nothing. */
const someOf = <T>(random: Random, list: readonly T[]): T[] => {
  const share = pick(random, [0, 0.7, 1]);
  return list.filter(() => random() < share);
};

/** A plan of steps, relocations and data of both, whose header is right about them. */
const recombine: Mutation = (random, plan, other) => {
  const all = Buffer.concat([plan.data, other.data]);
  const size = pick(random, [all.length, below(random, 40), below(random, all.length)]);
  const data = all.subarray(0, size);
  if (random() < 0.8) data.subarray(-1).fill(0);
  const steps = someOf(random, [...plan.steps, ...other.steps]);
  plan.assemble(steps, someOf(random, [...plan.relocations, ...other.relocations]), data);
};

const damageHeader: Mutation = (random, plan) => {
  const fields = [
    'magic',
    'version',
    'slots',
    'steps',
    'relocations',
    'dataSize',
    'reserved',
  ] as const;
  plan.set(pick(random, fields), Number(extreme(random, plan) & 0xffffffffn));
};

/** Those that know nothing of the format. */
const rawMutations: readonly Mutation[] = [
  (random, plan) => {
    const at = below(random, plan.bytes.length);
    plan.bytes[at] = (plan.bytes[at] ?? 0) ^ (1 << below(random, 8));
  },
  (random, plan) => {
    plan.bytes[below(random, plan.bytes.length)] = pick(random, [0, 1, 0x7f, 0x80, 0xff]);
  },
  (random, plan) => {
    plan.bytes = plan.bytes.subarray(0, below(random, plan.bytes.length + 1));
  },
  (random, plan) => {
    plan.bytes = Buffer.concat([plan.bytes, Buffer.alloc(1 + below(random, 80))]);
  },
  (random, plan, other) => {
    const at = below(random, plan.bytes.length);
    plan.bytes = Buffer.concat([plan.bytes.subarray(0, at), other.bytes.subarray(at)]);
  },
];

/** One of the plans, damaged; the sequence of random numbers decides how. */
export function mutate(random: Random, plans: readonly Uint8Array[]): Uint8Array {
  const plan = new PlanBytes(pick(random, plans));
  const other = new PlanBytes(pick(random, plans));
  if (random() < 0.2) recombine(random, plan, other);
  while (random() < 0.6) pick(random, fieldMutations)(random, plan, other);
  if (random() < 0.2) damageHeader(random, plan, other);
  while (random() < 0.3) pick(random, rawMutations)(random, plan, other);
  return plan.bytes;
}

/** `--memory`, `--cpus` and the other limits of a box's cgroup, as the specification's resources. */
import { parseSet, parseShares } from './cpu-options.ts';
import type { ProblemList } from './errors.ts';
import { parseCpus, parseMemory, parsePidsLimit } from './limits.ts';
import { checkMemory, parseReservation, parseSwap } from './memory-options.ts';
import type { RunOptions } from './run-options.ts';
import type { Resources } from './spec.ts';

type Memory = NonNullable<Resources['memory']>;
type Cpu = NonNullable<Resources['cpu']>;

export function makeResources(options: RunOptions, problems: ProblemList): Resources {
  const memory = memoryOf(options, problems);
  const cpu = cpuOf(options, problems);
  const pids = given(options.pidsLimit, parsePidsLimit, problems);
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
}

function memoryOf(options: RunOptions, problems: ProblemList): Memory | undefined {
  const { memory, memoryReservation, memorySwap } = options;
  const limit = given(memory, parseMemory, problems);
  // Asked for by few: nothing more is looked at for all others.
  if (memoryReservation === undefined && memorySwap === undefined)
    return limit === undefined ? undefined : { limit };
  const reservation = given(memoryReservation, parseReservation, problems);
  const swap = given(memorySwap, parseSwap, problems);
  checkMemory(options, { limit, reservation, swap }, problems);
  return present({ limit, reservation, swap });
}

function cpuOf(options: RunOptions, problems: ProblemList): Cpu | undefined {
  const { cpus, cpuShares, cpusetCpus, cpusetMems } = options;
  const quota = given(cpus, parseCpus, problems);
  if (cpuShares === undefined && cpusetCpus === undefined && cpusetMems === undefined) return quota;
  return present({
    ...quota,
    shares: given(cpuShares, parseShares, problems),
    cpus: given(cpusetCpus, (value) => parseSet('--cpuset-cpus', value), problems),
    mems: given(cpusetMems, (value) => parseSet('--cpuset-mems', value), problems),
  });
}

function given<T>(
  value: string | undefined,
  parse: (value: string) => T | undefined,
  problems: ProblemList,
): T | undefined {
  return value === undefined
    ? undefined
    : problems.attempt<T | undefined>(() => parse(value), undefined);
}

/** Only the fields that have a value; undefined where none has. */
function present<T extends object>(
  all: {
    readonly [Name in keyof T]: T[Name] | undefined;
  },
): T | undefined {
  const kept = Object.entries(all).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as T);
}

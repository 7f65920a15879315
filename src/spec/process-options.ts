/** What the flags say about the process's privileges and limits. */
import { type CapabilityWords, capabilitiesFor } from './capabilities.ts';
import type { ProblemList } from './errors.ts';
import { MOST_GROUPS, parseGroupAdd, tooManyGroups } from './groups.ts';
import { parseUlimit } from './limits.ts';
import { parseOomScoreAdj } from './oom-score.ts';
import type { RunOptions } from './run-options.ts';
import type { SecurityOptions } from './security-options.ts';
import { readLabel } from './selinux-label.ts';
import type { CapabilitySets, Process, Rlimit } from './spec.ts';

/** @param available capabilities that this host can give. */
export function privileges(
  options: CapabilityWords & Pick<RunOptions, 'oomScoreAdj' | 'ulimit'>,
  uid: number,
  security: SecurityOptions,
  available: readonly string[],
  problems: ProblemList,
): Omit<Process, 'args' | 'env' | 'cwd' | 'user'> {
  const { oomScoreAdj, ulimit } = options;
  const { noNewPrivileges = true, apparmorProfile } = security;
  const selinuxLabel = readLabel(security.label);
  const score =
    oomScoreAdj === undefined
      ? undefined
      : problems.attempt(() => parseOomScoreAdj(oomScoreAdj), undefined);
  return {
    capabilities: problems.attempt(() => capabilitiesFor(uid, options, available), none),
    rlimits: rlimits(ulimit, problems),
    noNewPrivileges,
    ...(score === undefined ? {} : { oomScoreAdj: score }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
}

const none: CapabilitySets = {
  bounding: [],
  effective: [],
  permitted: [],
  inheritable: [],
  ambient: [],
};

/**
 * No memory of the box is written to the host. A limit of 0 would not do: where core_pattern, which
 * every box shares, names a program, the kernel still starts it, as root and outside of the box, and
 * gives it the memory. At a limit of 1 it does neither (fs/coredump.c; core(5) tells of 0 only).
 */
const noCore: Rlimit = { type: 'RLIMIT_CORE', soft: 1n, hard: 1n };

function rlimits(words: readonly string[], problems: ProblemList): Rlimit[] {
  const limits = words.flatMap(
    (word) => problems.attempt(() => parseUlimit(word), undefined) ?? [],
  );
  return [...new Map([noCore, ...limits].map((limit) => [limit.type, limit])).values()];
}

/** The user's groups in the image, then those that were asked for, each once. */
export function supplementaryGroups(
  own: readonly number[],
  words: readonly string[],
  group: string,
  problems: ProblemList,
): number[] {
  const added = words.flatMap((word) => problems.attempt(() => [parseGroupAdd(word, group)], []));
  const all = [...new Set([...own, ...added])];
  if (all.length > MOST_GROUPS) problems.add(`--user: ${tooManyGroups(all.length)}`);
  return all;
}

/** Which causes are possible for which call and error, and what the probes prove of them. Loaded after a failure only. */
import { type ErrnoName, errnoName } from '../abi/errno.ts';
import type { BoxError } from '../sandbox/errors.ts';
import type { Refusal, Refused } from '../sandbox/refusal.ts';
import { boxCgroup } from './box-cgroup.ts';
import { capability } from './capability.ts';
import type { Cause, Probe } from './cause.ts';
import { cgroupDelegation } from './cgroup-delegation.ts';
import { coveredMounts } from './covered-mounts.ts';
import { deviceFilter } from './device-filter.ts';
import { lockedAttributes, lockedMounts } from './locked-mounts.ts';
import { missingFileSystem } from './missing-file-system.ts';
import { mountLimit } from './mount-limit.ts';
import { namespaceLimits } from './namespace-limits.ts';
import { openFiles } from './open-files.ts';
import { ownerMaps } from './owner-maps.ts';
import { processes } from './processes.ts';
import { readOnlyMount } from './read-only-mount.ts';
import { proveRefusedCalls, refusedCalls } from './refused-calls.ts';
import { subordinateIds } from './subordinate-ids.ts';
import { userNamespace } from './user-namespace.ts';

interface Possible {
  readonly calls: readonly string[] | 'any';
  readonly errors: readonly ErrnoName[] | 'any';
  readonly probe: Probe;
}

const denied: readonly ErrnoName[] = ['EPERM', 'EACCES'];
const mounting = ['mount', 'fsconfig', 'fsmount'];
const attaching = [...mounting, 'open_tree', 'move_mount'];

/**
 * In the order in which they are tried: a filter first, as it could fool the others; then what is
 * about the call and its object alone; then what is about the caller.
 */
const possible: readonly Possible[] = [
  { calls: 'any', errors: [...denied, 'ENOSYS'], probe: refusedCalls },
  // Kernels that are too old for the box's cgroup (before 5.7) answer its clone like this.
  { calls: ['clone3'], errors: ['E2BIG', 'EINVAL'], probe: refusedCalls },
  { calls: ['mkdir', 'write'], errors: 'any', probe: cgroupDelegation },
  { calls: ['mkdir', 'write'], errors: ['EROFS'], probe: readOnlyMount },
  { calls: ['newuidmap', 'newgidmap'], errors: ['EPERM'], probe: subordinateIds },
  { calls: ['idmap'], errors: ['EINVAL', 'EPERM'], probe: ownerMaps },
  { calls: ['open_tree', 'mount'], errors: ['EINVAL'], probe: lockedMounts },
  { calls: ['mount_setattr', 'mount'], errors: ['EPERM'], probe: lockedAttributes },
  { calls: mounting, errors: ['EPERM'], probe: coveredMounts },
  { calls: attaching, errors: ['ENOSPC'], probe: mountLimit },
  { calls: ['fsopen', 'mount'], errors: ['ENODEV'], probe: missingFileSystem },
  { calls: ['bpf'], errors: ['EPERM', 'ENOSYS', 'EINVAL'], probe: deviceFilter },
  { calls: 'any', errors: denied, probe: capability },
  { calls: 'any', errors: denied, probe: userNamespace },
  { calls: ['clone3'], errors: ['ENOSPC', 'EUSERS'], probe: namespaceLimits },
  { calls: ['clone3'], errors: ['EMFILE', 'EINVAL'], probe: openFiles },
  { calls: ['clone3'], errors: ['EAGAIN'], probe: processes },
  {
    calls: ['clone3'],
    errors: [...denied, 'ENOMEM', 'E2BIG', 'EAGAIN'],
    probe: boxCgroup,
  },
];

/**
 * The error with its cause and how to mend it, or with what was looked at in vain.
 * @param clone the flags with which the process was cloned, or was to be.
 */
export async function explain(
  error: Refused,
  clone: NonNullable<Refusal['clone']>,
): Promise<BoxError> {
  const { refusal, told } = error;
  const found = await findCause({ clone, ...refusal });
  if ('sentence' in found)
    return error.explained([`cause: ${found.sentence}`, `what to do: ${found.mend}`]);
  // An error that no probe is about is the call's own.
  if (found.length === 0) return error;
  const hint = told.hint ?? '`tsbox doctor` shows what this host lacks or forbids';
  return error.explained([`no cause proved: ${found.join('; ')}`, `what to do: ${hint}`]);
}

/** Why a call is refused that few boxes need: a sentence, or none where no cause is proved. */
export async function whyRefused(call: string): Promise<string[]> {
  const cause = await proveRefusedCalls([call]);
  return cause === undefined ? [] : [`${cause.sentence}: ${cause.mend}`];
}

/** @returns what was looked at where nothing was proved. */
async function findCause(refusal: Refusal): Promise<Cause | string[]> {
  const name = errnoName(refusal.errno);
  const looked: string[] = [];
  for (const { calls, errors, probe } of possible) {
    if (!includes(calls, refusal.call) || !includes(errors, name)) continue;
    try {
      if (probe.concerns?.(refusal) === false) continue;
      const cause = await probe.prove(refusal);
      if (cause !== undefined) return cause;
      looked.push(probe.looksAt);
    } catch {
      // What kept the box from being made may keep a probe from it, too: nothing is proved then.
    }
  }
  return looked;
}

function includes(words: readonly string[] | 'any', word: string): boolean {
  return words === 'any' || words.includes(word);
}

/**
 * `--cap-add` and `--cap-drop`: which capabilities(7) a box has. Podman's rules, in which the order
 * of the flags means nothing: what is kept of the default set, and what was added by name.
 */
import { type CapabilityName, capabilityNames } from '../abi/capabilities.ts';
import { SpecError } from './errors.ts';
import { nearest } from './nearest.ts';
import type { CapabilitySets } from './spec.ts';

/** That of docker and podman. */
export const defaultCapabilities: readonly CapabilityName[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** The words of the two flags, each perhaps several names with commas between them. */
export interface CapabilityWords {
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
}

/**
 * Root has all of the bounding set. Anyone else has what was added, and keeps it across execve(2),
 * for which it must be ambient and so inheritable as well. Otherwise nothing is inheritable: docker
 * once filled that set, and a program with inheritable file capabilities gained them
 * (CVE-2022-24769).
 * @param available what this host can give: `ALL` is that, and what it lacks is refused by name.
 * @throws SpecError
 */
export function capabilitiesFor(
  uid: number,
  words: CapabilityWords,
  available: readonly string[],
): CapabilitySets {
  const add = readWords('--cap-add', words.capAdd);
  const drop = readWords('--cap-drop', words.capDrop);
  refuseContradictions(add, drop);
  refuseMissing(add.names, available);
  const added = add.all ? available : [...add.names];
  const kept = [...(drop.all ? [] : defaultCapabilities), ...added];
  const bounding = [...new Set(kept)].filter((name) => !drop.names.has(name));
  if (uid === 0)
    return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] };
  const own = bounding.filter((name) => added.includes(name));
  return { bounding, effective: own, permitted: own, inheritable: own, ambient: own };
}

interface Asked {
  readonly all: boolean;
  readonly names: ReadonlySet<string>;
}

function readWords(flag: string, words: readonly string[]): Asked {
  const names = words.flatMap((word) => word.split(',')).map((word) => readName(flag, word));
  return { all: names.includes('ALL'), names: new Set(names.filter((name) => name !== 'ALL')) };
}

function readName(flag: string, word: string): CapabilityName | 'ALL' {
  const upper = word.toUpperCase();
  if (upper === 'ALL') return 'ALL';
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  const found = capabilityNames.find((name) => name === full);
  if (found !== undefined) return found;
  const alike = nearest(full, capabilityNames);
  const known = alike.length === 0 ? 'see capabilities(7)' : `did you mean ${alike.join(' or ')}?`;
  throw new SpecError([`${flag} ${word}: not a capability; ${known}`]);
}

function refuseContradictions(add: Asked, drop: Asked): void {
  if (add.all && drop.all)
    throw new SpecError(['--cap-add ALL and --cap-drop ALL contradict each other; give one']);
  const both = [...add.names].filter((name) => drop.names.has(name));
  if (both.length === 0) return;
  throw new SpecError([`${both.join(', ')}: given to --cap-add and to --cap-drop; give one`]);
}

function refuseMissing(names: ReadonlySet<string>, available: readonly string[]): void {
  const missing = [...names].filter((name) => !available.includes(name));
  if (missing.length === 0) return;
  throw new SpecError(
    missing.map(
      (name) =>
        `--cap-add ${name}: tsbox does not have it in its own bounding set (CapBnd in /proc/self/status), so no box can get it; leave it out, or start tsbox where it was not taken away; --cap-add ALL means what there is, and with --userns=auto or --vm there is everything`,
    ),
  );
}

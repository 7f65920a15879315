/**
 * The jail of a host program that a hostile guest talks to: should the guest take it over, it finds
 * a process without privileges that sees its own files and nobody else (pivot_root(2),
 * capabilities(7), user_namespaces(7)). What the program needs beyond files are descriptors.
 */
import { signalNumbers } from '../abi/signals.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { HostAction } from './action.ts';
import { HERE } from './arguments.ts';
import {
  capset,
  fchownat,
  mkdirat,
  mknodat,
  openat,
  openat2,
  prlimit,
  setgroups,
  setresgid,
  setresuid,
  symlinkat,
  umask,
} from './calls.ts';
import type { CloneFlag } from './container.ts';
import type { Host } from './host.ts';
import { mapOwnIds } from './id-maps.ts';
import { clearAmbient, dropBounding, gainNothing, raiseAmbient } from './identity.ts';
import { changeRoot } from './isolate.ts';
import { keepGroups } from './keep-groups.ts';
import { wallIn } from './landlock.ts';
import { type MountAttribute, mount, mountSetattr, moveMount, openTree } from './mount-calls.ts';
import { newFileSystem } from './mounts-by-descriptor.ts';
import { type NamespaceFlag, setns, unshare } from './namespaces.ts';
import { dieWithParent, waitForParent } from './parent.ts';
import { keepApart } from './process.ts';
import { belongToTsbox, executeProgram } from './program.ts';
import { refuseCalls, type SeccompFilter } from './seccomp.ts';
import { ignoreSignal } from './signal-calls.ts';
import { type Section, type Slot, type Step, step } from './step.ts';

/** The anchor is where the jail's root is put together. */
export interface Jail extends Pick<Host, 'arch' | 'anchor' | 'lastCapability'> {
  /** What is in the jail's root, parents before what they hold. */
  readonly places: readonly JailPlace[];
  readonly inmate: Inmate;
  /** In its network namespace, before any file of the host's is out of reach. */
  readonly network?: readonly Step[];
  readonly limits: Readonly<Record<string, bigint>>;
  /** Of the calls that the program makes; its own execution is one. */
  readonly filter?: SeccompFilter;
  /** Variables that the program is given beside PATH, as NAME=VALUE. */
  readonly environment?: readonly string[];
}

/** Paths are relative to the jail's root. */
export type JailPlace =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** The jail's own processes. */
  | { readonly kind: 'proc'; readonly path: string }
  /** Space in memory that vanishes with the jail. */
  | {
      readonly kind: 'scratch';
      readonly path: string;
      /** The most that fits in, in bytes; without it half of the host's memory, tmpfs(5). */
      readonly size?: number;
    }
  /** /dev/kvm. A user namespace can have no node of its own: there it is the host's. */
  | { readonly kind: 'kvm'; readonly path: string }
  /** Another device of the host's, by its node there. */
  | { readonly kind: 'host device'; readonly path: string; readonly source: string }
  /** A file or directory of the host's. */
  | {
      readonly kind: 'host file' | 'host directory';
      readonly path: string;
      readonly source: string;
      readonly access: 'read-only' | 'writable';
    };

/** Who the program is. */
export interface Inmate {
  /** With a user namespace of its own: the host's ids for which the two below stand in it. */
  readonly standsFor?: { readonly uid: number; readonly gid: number };
  /** Instead of that, the user namespace of another process, which the caller has made. */
  readonly joins?: JoinedUsers;
  readonly uid: number;
  readonly gid: number;
  /** In a namespace that it joins it has these as whatever user it is. */
  readonly capabilities: readonly string[];
}

/**
 * Whoever made a user namespace may enter it, and has every capability there: user_namespaces(7). The
 * program sees the processes around tsbox, as only a clone(2) would put it into another PID namespace.
 */
export interface JoinedUsers {
  /** As in a path of /proc. */
  readonly pid: number | string;
  /** Whether setgroups(2) is refused there. */
  readonly keepsGroups: boolean;
}

/** All that there are, so that it sees no process, network, host name or message queue of the host's. */
const namespaces: readonly CloneFlag[] = [
  'CLONE_NEWNS',
  'CLONE_NEWPID',
  'CLONE_NEWNET',
  'CLONE_NEWIPC',
  'CLONE_NEWUTS',
  'CLONE_NEWCGROUP',
];

/** What it is cloned with; one that joins others' users makes the rest itself, as it may then. */
export function jailNamespaces({ inmate }: Pick<Jail, 'inmate'>): readonly CloneFlag[] {
  if (inmate.joins !== undefined) return [];
  return inmate.standsFor === undefined ? namespaces : [...namespaces, 'CLONE_NEWUSER'];
}

/** What the parent does while the new process waits: the one mapping that needs no privilege. */
export function jailMaps({ inmate: { standsFor, uid, gid } }: Pick<Jail, 'inmate'>): HostAction[] {
  if (standsFor === undefined) return [];
  return mapOwnIds(
    { containerID: uid, hostID: standsFor.uid },
    { containerID: gid, hostID: standsFor.gid },
  );
}

/** @param extra how many descriptors the program is given beside its standard streams. */
export function jailSections(jail: Jail, argv: readonly string[], extra: number): Section[] {
  return [
    {
      title: 'Process',
      steps: [
        ...belongToTsbox(),
        step(umask(0o022), "what is made here does not depend on the caller's mask"),
        ...(jail.inmate.standsFor === undefined ? [] : waitForParent(0)),
        ...(jail.inmate.joins === undefined ? [] : joinUsers(jail.arch, jail.inmate.joins)),
        ...keepApart(),
      ],
    },
    ...(jail.network === undefined ? [] : [{ title: 'Network', steps: jail.network }]),
    { title: 'Files of the jail', steps: makeRoot(jail) },
    { title: 'Change of root', steps: changeRoot('container') },
    { title: 'Landlock', steps: wallIn() },
    { title: 'Resource limits', steps: setLimits(jail) },
    { title: 'User and capabilities', steps: [...becomeInmate(jail), ...dieWithParent()] },
    { title: 'Program', steps: executeProgram(argv, extra, lastSteps(jail), jail.environment) },
  ];
}

/** The network of tsbox stays: the program is one that leads the box's out of it. */
const unshared: readonly NamespaceFlag[] = [
  'CLONE_NEWNS',
  'CLONE_NEWIPC',
  'CLONE_NEWUTS',
  'CLONE_NEWCGROUP',
];

function joinUsers(arch: Arch, { pid, keepsGroups }: JoinedUsers): Step[] {
  return [
    step(
      openat(arch, `/proc/${pid}/ns/user`, ['O_RDONLY', 'O_CLOEXEC']),
      "of the box's first process, which waits",
      { into: 'users' },
    ),
    step(setns('users', ['CLONE_NEWUSER']), 'whoever made it has every capability in it'),
    ...(keepsGroups ? [] : [step(setgroups([]), "none of the caller's groups comes along")]),
    ...unshared.map((flag) => step(unshare(flag), 'nothing of this kind is shared with the host')),
  ];
}

const harmless: readonly MountAttribute[] = ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV'];

function makeRoot(jail: Jail): Step[] {
  const ownNode =
    jail.places.some(({ kind }) => kind === 'kvm') && jail.inmate.standsFor === undefined;
  return [
    step(mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']), 'no mount reaches the host'),
    step(
      openat(jail.arch, jail.anchor, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']),
      'where the root is put together',
      { into: 'anchor' },
    ),
    ...jail.places.flatMap((place) => openPlace(place, jail.inmate)),
    // Nobody may make a file who is no user of the namespace.
    ...(jail.inmate.joins === undefined ? [] : becomeUser(jail.inmate)),
    ...newFileSystem(
      'tmpfs',
      ['mode=0755', 'size=64k', 'nr_inodes=64'],
      ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NOEXEC', ...(ownNode ? [] : ['MOUNT_ATTR_NODEV' as const])],
      'root',
      'a root with nothing in it',
    ),
    step(moveMount('root', 'anchor'), 'attached where only this mount namespace sees it'),
    ...jail.places.flatMap((place) => addPlace(jail, place)),
    step(mountSetattr('root', ['MOUNT_ATTR_RDONLY'], 'this mount'), 'and nothing is added to it'),
  ];
}

/** While the host's tree is in reach, and not yet covered by the jail's root. */
function openPlace(place: JailPlace, { standsFor }: Inmate): Step[] {
  const open = (source: string): Step =>
    step(
      openTree(HERE, source, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_RECURSIVE']),
      `what the jail has at /${place.path}`,
      { into: mountOf(place.path) },
    );
  if (place.kind === 'kvm') return standsFor === undefined ? [] : [open('/dev/kvm')];
  if (place.kind === 'host device') return [open(place.source)];
  if (place.kind !== 'host file' && place.kind !== 'host directory') return [];
  const attributes: MountAttribute[] = [
    ...harmless,
    ...(place.access === 'read-only' ? ['MOUNT_ATTR_RDONLY' as const] : []),
  ];
  return [
    open(place.source),
    step(
      mountSetattr(mountOf(place.path), attributes, 'recursive'),
      'all that may be done with it, whoever is in the jail',
    ),
  ];
}

function addPlace({ arch, inmate }: Jail, place: JailPlace): Step[] {
  const { path } = place;
  switch (place.kind) {
    case 'directory':
      return [step(mkdirat('root', path, 0o755), 'holds what follows')];
    case 'link':
      return [step(symlinkat(place.target, 'root', path), 'as on the host')];
    case 'proc':
      return [
        ...newFileSystem(
          'proc',
          [],
          [...harmless, 'MOUNT_ATTR_NOEXEC'],
          mountOf(path),
          'the program finds its own descriptors there, and no other process',
        ),
        ...attach(arch, path, 'directory'),
      ];
    case 'scratch': {
      const { size } = place;
      return [
        ...newFileSystem(
          'tmpfs',
          ['mode=0755', ...(size === undefined ? [] : [`size=${size}`])],
          harmless,
          mountOf(path),
          'what the program writes',
        ),
        ...attach(arch, path, 'directory'),
      ];
    }
    case 'kvm':
      if (inmate.standsFor !== undefined) return attach(arch, path, 'file');
      return [
        step(mknodat('root', path, 0o600, [10, 232]), 'KVM, for this program alone'),
        step(fchownat('root', path, inmate.uid, inmate.gid), 'whoever may use that of the host'),
      ];
    case 'host device':
    case 'host file':
      return attach(arch, path, 'file');
    case 'host directory':
      return attach(arch, path, 'directory');
  }
}

function mountOf(path: string): Slot {
  return `${path}.mount`;
}

function attach(arch: Arch, path: string, kind: 'file' | 'directory'): Step[] {
  const handle: Slot = `${path}.place`;
  const create = openat2(
    arch,
    'root',
    path,
    // A file that is open for writing keeps its mount from becoming read-only.
    ['O_CREAT', 'O_EXCL', 'O_RDONLY', 'O_CLOEXEC'],
    ['RESOLVE_IN_ROOT'],
    0o444,
  );
  return [
    ...(kind === 'file'
      ? [step(create, 'an empty file to mount over', { into: handle })]
      : [
          step(mkdirat('root', path, 0o755), 'a directory to mount over'),
          step(openTree('root', path, ['OPEN_TREE_CLOEXEC']), 'a handle on that directory', {
            into: handle,
          }),
        ]),
    step(moveMount(mountOf(path), handle), `attached at /${path}`),
  ];
}

function setLimits({ limits }: Jail): Step[] {
  return Object.entries(limits).map(([type, value]) =>
    // One that is lower already cannot be raised, and need not be.
    step(prlimit(type, value, value), 'no more than it needs', { accept: ['EPERM'] }),
  );
}

/** What it writes beyond the limit is lost, and that is all. */
function lastSteps(jail: Jail): Step[] {
  return [...outliveLimits(jail), ...(jail.filter === undefined ? [] : [refuseCalls(jail.filter)])];
}

function outliveLimits({ limits }: Jail): Step[] {
  if (limits.RLIMIT_FSIZE === undefined) return [];
  return [
    step(
      ignoreSignal(signalNumbers.SIGXFSZ, 'SIGXFSZ'),
      'a guest that floods a file does not end its machine',
    ),
  ];
}

function becomeInmate(jail: Jail): Step[] {
  const { standsFor, joins, capabilities } = jail.inmate;
  return [
    ...dropBounding(capabilities, jail),
    ...(standsFor === undefined && joins === undefined
      ? [step(setgroups([]), "none of the caller's groups comes along")]
      : []),
    ...(joins === undefined ? becomeUser(jail.inmate) : []),
    step(
      capset({
        effective: capabilities,
        permitted: capabilities,
        inheritable: joins === undefined ? [] : capabilities,
      }),
      'capabilities of the program',
    ),
    clearAmbient(),
    ...(joins === undefined ? [] : capabilities.map(raiseAmbient)),
    gainNothing(),
    ...(standsFor !== undefined && capabilities.includes('CAP_SETGID')
      ? [keepGroups(jail.arch)]
      : []),
  ];
}

function becomeUser({ uid, gid }: Inmate): Step[] {
  return [
    step(setresgid(gid), 'group of the program'),
    step(setresuid(uid), 'user of the program'),
  ];
}

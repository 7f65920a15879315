/**
 * Mounts of namespaces that the box joins: the file systems that show them, which a box with ids of its
 * own has no power to make (borrowed.ts has those of the host), and the /dev/shm of the box whose IPC
 * namespace it shares, which lies in a mount namespace that nothing is copied out of from outside. A
 * short-lived process of tsbox's makes each, with tsbox's own rights and in those namespaces, and sends
 * it; the box gets a descriptor of it.
 */
import type { Box } from '../spec/box.ts';
import type { Mount, NamespaceType } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
import { duplicateAt, inherit, openat, openat2, prctl } from './calls.ts';
import type { Host } from './host.ts';
import { openTree } from './mount-calls.ts';
import { newFileSystem } from './mounts-by-descriptor.ts';
import { type Joined, joinedNamespaces, namespaceFlags, setns } from './namespaces.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { sendDescriptor } from './socket-calls.ts';
import { type Step, step } from './step.ts';

type Foreign = Extract<HostAction, { readonly call: 'foreign_mount' }>;

interface Shown {
  readonly namespace: NamespaceType;
  /** fsopen(2)'s name. */
  readonly type: string;
}

const shown: Readonly<Partial<Record<Mount['type'], Shown>>> = {
  proc: { namespace: 'pid', type: 'proc' },
  sysfs: { namespace: 'network', type: 'sysfs' },
  mqueue: { namespace: 'ipc', type: 'mqueue' },
  cgroup: { namespace: 'cgroup', type: 'cgroup2' },
};

/** By the parent, while the box waits: in the order of the mounts that they are for. */
export function makeForeign(box: Box, host: Pick<Host, 'arch'>): HostAction[] {
  return foreignMounts(box).map((mount) => actionFor(box, mount, host));
}

/** Those of the box's mounts that are made so. */
export function foreignMounts(box: Box): Mount[] {
  return box.spec.mounts.filter((mount) => isForeign(box, mount));
}

export function isForeign(box: Box, mount: Mount): boolean {
  if (isSharedMemory(box, mount)) return true;
  return hasOwnIds(box) && (showsHost(box, mount) || joinedFor(box, mount) !== undefined);
}

/** The host's interfaces: its own /sys, which could be borrowed, has other file systems in it. */
function showsHost({ spec }: Box, { type }: Mount): boolean {
  return type === 'sysfs' && !spec.linux.namespaces.some((each) => each.type === 'network');
}

function isSharedMemory({ sharedMemory }: Box, { destination }: Mount): boolean {
  return sharedMemory !== undefined && destination === '/dev/shm';
}

function hasOwnIds({ spec }: Box): boolean {
  return spec.linux.uidMappings.length > 0;
}

function joinedFor({ spec }: Box, { type }: Mount): Joined | undefined {
  const about = shown[type];
  if (about === undefined) return undefined;
  return joinedNamespaces(spec.linux).find(({ flag }) => flag === namespaceFlags[about.namespace]);
}

function actionFor(box: Box, mount: Mount, host: Pick<Host, 'arch'>): Foreign {
  const { sharedMemory } = box;
  const { destination } = mount;
  if (sharedMemory !== undefined && isSharedMemory(box, mount))
    return {
      call: 'foreign_mount',
      joined: [],
      held: sharedMemory,
      steps: [...secluded(), ...sharedMemorySteps(host), ...handOver()],
      why: 'the shared memory of the box whose IPC namespace this one shares',
    };
  const joined = joinedFor(box, mount);
  const type = shown[mount.type]?.type ?? mount.type;
  const why = `${destination} shows a namespace that others own: the box has no power to mount it`;
  return {
    call: 'foreign_mount',
    joined: joined === undefined ? [] : [joined],
    steps: [...secluded(), ...newFileSystem(type, [], [], 'mount', why), ...handOver()],
    why,
  };
}

/** It has tsbox's rights, and others may be in the same PID namespace. */
function secluded(): Step[] {
  return [step(prctl('PR_SET_DUMPABLE', 0), 'nobody traces a process with the rights of tsbox')];
}

/** Where the process finds what it is handed (src/linux/interpreter.ts, `extra`). */
const HELD = PARENT_DESCRIPTOR + 1;

function sharedMemorySteps({ arch }: Pick<Host, 'arch'>): Step[] {
  return [
    step(inherit(HELD), "the other box's mount namespace", { into: 'namespace' }),
    step(setns('namespace', ['CLONE_NEWNS']), 'nothing is copied out of it from outside'),
    step(openat(arch, '/', ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']), 'its root', { into: 'root' }),
    step(
      openat2(
        arch,
        'root',
        'dev/shm',
        ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT', 'RESOLVE_NO_MAGICLINKS', 'RESOLVE_NO_SYMLINKS'],
      ),
      'its shared memory, whatever links it has there',
      { into: 'memory', hint: 'the other box must have a /dev/shm' },
    ),
    step(
      openTree('memory', '', ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH']),
      'a second mount of it',
      { into: 'mount' },
    ),
  ];
}

/** A number that the plan's slots cannot reach. */
const SENT = 700;

function handOver(): Step[] {
  return [
    step(duplicateAt('mount', SENT), 'at a number that can be named'),
    step(sendDescriptor(PARENT_DESCRIPTOR, SENT), 'tsbox hands it to the box'),
  ];
}

/**
 * `--pid`, `--ipc`, `--uts` and `--cgroupns`: whose namespaces the box has (podman-run(1)). Each is its
 * own unless something else is asked for: `host`, `container:ID` or `ns:PATH`.
 */
import type { CallerIds } from './caller-ids.ts';
import { defaultNamespaces } from './defaults.ts';
import { type ProblemList, SpecError } from './errors.ts';
import { noOutside, type OtherBox, type Outside } from './outside.ts';
import type { Caller, RunOptions } from './run-options.ts';
import type { Linux, Mount, NamespaceType } from './spec.ts';

type Wishes = Pick<
  RunOptions,
  'pid' | 'ipc' | 'uts' | 'cgroupns' | 'hostname' | 'shmSize' | 'init'
>;
type Flag = 'pid' | 'ipc' | 'uts' | 'cgroupns';

const types: Readonly<Record<Flag, NamespaceType>> = {
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  cgroupns: 'cgroup',
};

type Mode =
  | { readonly kind: 'own' | 'host' | 'none' }
  | { readonly kind: 'box'; readonly box: OtherBox }
  | { readonly kind: 'path'; readonly path: string };

/** The host's where one is missing; of another box or process where it has a path. */
type Namespaces = Linux['namespaces'];

export interface Sharing {
  readonly namespaces: Namespaces;
  /** What the box is called where the name is not its own to choose. */
  readonly hostname?: string;
  readonly sharedMemory?: string;
  /** The box whose processes it shares: it has the same ids, and ends with it. */
  readonly kin?: OtherBox;
  /** The mounts of a box that are about its IPC namespace, as it is. */
  readonly mounts: (mounts: readonly Mount[]) => readonly Mount[];
}

/** Most boxes' . */
const own: Sharing = {
  namespaces: defaultNamespaces.map((type) => ({ type })),
  mounts: (mounts) => mounts,
};

export function sharing(
  options: Wishes,
  { outside = noOutside, ids }: Pick<Caller, 'outside' | 'ids'>,
  problems: ProblemList,
): Sharing {
  const { pid, ipc, uts, cgroupns } = options;
  if (pid === undefined && ipc === undefined && uts === undefined && cgroupns === undefined)
    return own;
  const mode = (flag: Flag) =>
    problems.attempt(() => parseMode(flag, options[flag], ids.kind, outside), {
      kind: 'own',
    } as const);
  const modes = {
    pid: mode('pid'),
    ipc: mode('ipc'),
    uts: mode('uts'),
    cgroupns: mode('cgroupns'),
  };
  contradictions(options, modes, problems);
  return {
    namespaces: defaultNamespaces.flatMap((type) => {
      const flag = (Object.keys(types) as Flag[]).find((each) => types[each] === type);
      return flag === undefined ? [{ type }] : namespaceOf(type, modes[flag]);
    }),
    ...hostnameOf(modes.uts, outside),
    ...(modes.pid.kind === 'box' ? { kin: modes.pid.box } : {}),
    ...(modes.ipc.kind === 'box' ? { sharedMemory: modes.ipc.box.namespace('mount') } : {}),
    mounts: (mounts) => mounts.flatMap((mount) => ipcMount(mount, modes.ipc)),
  };
}

function hostnameOf(mode: Mode, outside: Outside): Pick<Sharing, 'hostname'> {
  if (mode.kind === 'host') return { hostname: outside.hostname() };
  const name = mode.kind === 'box' ? mode.box.hostname : undefined;
  return name === undefined ? {} : { hostname: name };
}

const words: Readonly<Record<string, Mode['kind']>> = {
  '': 'own',
  private: 'own',
  host: 'host',
};

/** Beside those of all. */
const ipcWords: Readonly<Record<string, Mode['kind']>> = { shareable: 'own', none: 'none' };

/** @throws SpecError */
function parseMode(flag: Flag, value = '', caller: CallerIds['kind'], outside: Outside): Mode {
  const table = flag === 'ipc' ? { ...words, ...ipcWords } : words;
  const kind = Object.hasOwn(table, value) ? table[value] : undefined;
  if (kind === 'own' || kind === 'host' || kind === 'none') return { kind };
  const [, id = ''] = /^container:(.+)$/.exec(value) ?? [];
  if (id !== '')
    return { kind: 'box', box: containerOf(`--${flag} ${value}`, id, caller, outside) };
  const [, path = ''] = /^ns:(\/.*)$/.exec(value) ?? [];
  if (path !== '') return { kind: 'path', path };
  const known = [...Object.keys(table).filter((word) => word !== ''), 'container:ID', 'ns:PATH'];
  throw new SpecError([`--${flag} ${value}: unknown; ${known.join(', ')} are known`]);
}

/** @throws SpecError */
export function containerOf(
  what: string,
  id: string,
  caller: CallerIds['kind'],
  outside: Outside,
): OtherBox {
  if (caller === 'user')
    throw new SpecError([
      `${what}: only root may enter the namespaces of a box that is there already (setns(2)): start both as root`,
    ]);
  const box = outside.findBox(what, id);
  if (box.kind === 'container') return box;
  throw new SpecError([
    `${what}: it is a micro-VM, whose namespaces are those of another kernel: name a container`,
  ]);
}

function namespaceOf(type: NamespaceType, mode: Mode): Namespaces {
  if (mode.kind === 'host') return [];
  if (mode.kind === 'path') return [{ type, path: mode.path }];
  if (mode.kind === 'box') return [{ type, path: mode.box.namespace(type) }];
  return [{ type }];
}

function contradictions(
  options: Wishes,
  { pid, ipc, uts }: Readonly<Record<Flag, Mode>>,
  problems: ProblemList,
): void {
  if (pid.kind !== 'own' && options.init)
    problems.add(
      `--init and --pid ${options.pid} contradict each other: an init is the first process of a PID namespace, and this one has its own already; leave one out`,
    );
  if (uts.kind !== 'own' && options.hostname !== undefined)
    problems.add(
      `--hostname ${options.hostname} and --uts ${options.uts} contradict each other: the name would become that of all who share it; leave one out`,
    );
  if (ipc.kind !== 'own' && ipc.kind !== 'path' && options.shmSize !== undefined)
    problems.add(
      `--shm-size ${options.shmSize} and --ipc ${options.ipc} contradict each other: the box has no /dev/shm of its own then; leave one out`,
    );
}

function ipcMount(mount: Mount, { kind }: Mode): Mount[] {
  if (mount.destination !== '/dev/shm') return [mount];
  if (kind === 'none') return [];
  if (kind !== 'host') return [mount];
  return [
    {
      destination: mount.destination,
      type: 'bind',
      source: '/dev/shm',
      options: ['rbind', 'rnosuid', 'rnoexec', 'rnodev'],
    },
  ];
}

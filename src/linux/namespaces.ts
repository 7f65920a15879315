/** The namespaces in which this thread clones others: setns(2), ioctl_ns(2). */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { cloneFlags } from '../abi/flags.ts';
import { type Joined, namespaceFlags } from '../plan/namespaces.ts';
import type { NamespaceType } from '../spec/spec.ts';
import { SyscallError, syscall } from './native.ts';

const { O_RDONLY, O_NONBLOCK } = constants;

/** A path that cannot be used as the namespace that it was given as. */
export class NamespaceError extends Error {
  readonly flag: Joined['flag'];

  constructor({ flag, path }: Joined, why: string) {
    super(`${path}: ${why}`);
    this.flag = flag;
  }
}

/** Names of /proc/thread-self/ns: what a process is in, or what its children will be. */
const files: Readonly<Record<NamespaceType, string>> = {
  pid: 'pid_for_children',
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  network: 'net',
  cgroup: 'cgroup',
  user: 'user',
  time: 'time',
};

/**
 * Does something in these namespaces, with nothing else of this thread between: what `act` clones is in
 * them.
 * @throws NamespaceError; then nothing has been done.
 */
export function inNamespaces<T>(joined: readonly Joined[], act: () => T): T {
  const open: number[] = [];
  const keep = (fd: number): number => {
    open.push(fd);
    return fd;
  };
  const left: { readonly own: number; readonly flag: Joined['flag'] }[] = [];
  try {
    const targets = joined.map((asked) => ({
      asked,
      target: keep(openNamespace(asked)),
      own: keep(openSync(`/proc/thread-self/ns/${nameOf(asked.flag)}`, 'r')),
    }));
    for (const { asked, target, own } of targets) {
      enter(target, asked);
      left.push({ own, flag: asked.flag });
    }
    return act();
  } finally {
    for (const { own, flag } of left.toReversed()) syscall('setns', own, cloneFlags[flag]);
    for (const fd of open) closeSync(fd);
  }
}

function nameOf(flag: Joined['flag']): string {
  const type = (Object.keys(files) as NamespaceType[]).find(
    (each) => namespaceFlags[each] === flag,
  );
  return files[type ?? 'pid'];
}

function openNamespace(asked: Joined): number {
  const { path, flag } = asked;
  let fd: number;
  try {
    // A FIFO would wait for somebody who writes.
    fd = openSync(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    throw new NamespaceError(asked, (error as Error).message);
  }
  if (typeOf(fd) === cloneFlags[flag]) return fd;
  closeSync(fd);
  throw new NamespaceError(
    asked,
    `no namespace of that type (${flag}), as those in /proc/PID/ns are`,
  );
}

/** undefined for what is no namespace. */
function typeOf(fd: number): number | undefined {
  const NS_GET_NSTYPE = 0xb703;
  try {
    return syscall('ioctl', fd, NS_GET_NSTYPE, 0);
  } catch {
    return undefined;
  }
}

function enter(target: number, asked: Joined): void {
  try {
    syscall('setns', target, cloneFlags[asked.flag]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new NamespaceError(asked, `${error.message}: it takes root to enter another's namespace`);
  }
}

/** Whether the path leads to the namespace that this process itself is in. */
export function isHostsNamespace(path: string, type: NamespaceType): boolean {
  const own = `/proc/self/ns/${type === 'pid' ? 'pid' : files[type]}`;
  const [there, here] = [path, own].map((each) => statSync(each, { throwIfNoEntry: false }));
  return there !== undefined && there.ino === here?.ino && there.dev === here.dev;
}

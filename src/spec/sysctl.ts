/**
 * Which kernel parameters are a namespace's, and not the host's: network_namespaces(7),
 * ipc_namespaces(7), uts_namespaces(7); the same list as runc's and crun's.
 */
import type { NamespaceType } from './spec.ts';

const ipc = [
  'kernel/msgmax',
  'kernel/msgmnb',
  'kernel/msgmni',
  'kernel/sem',
  'kernel/shmall',
  'kernel/shmmax',
  'kernel/shmmni',
  'kernel/shm_rmid_forced',
];

/** The path below /proc/sys. Where a slash comes before any dot, dots are part of names: sysctl(8). */
export function sysctlPath(name: string): string {
  const [first] = /[./]/.exec(name) ?? ['.'];
  if (first === '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

/** Whose parameter it is; undefined for one of the host's, and for what is no name. */
export function sysctlNamespace(name: string): NamespaceType | undefined {
  const path = sysctlPath(name);
  const names = path.split('/');
  if (names.some((each) => each === '' || each === '.' || each === '..')) return undefined;
  if (names[0] === 'net' && names.length > 1) return 'network';
  if (path.startsWith('fs/mqueue/') || ipc.includes(path)) return 'ipc';
  return path === 'kernel/domainname' ? 'uts' : undefined;
}

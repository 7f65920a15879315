/** Which version of Linux brought a call, and whether this kernel has it. */
import { release } from 'node:os';
import type { SyscallName } from '../abi/syscalls.ts';
import { readText } from './status.ts';

/** Of the calls that make a box, those that are younger than Linux 3.17: the man pages, "HISTORY". */
export const since: Readonly<Partial<Record<SyscallName, string>>> = {
  pidfd_send_signal: '5.1',
  open_tree: '5.2',
  move_mount: '5.2',
  fsopen: '5.2',
  fsconfig: '5.2',
  fsmount: '5.2',
  clone3: '5.3',
  pidfd_open: '5.3',
  openat2: '5.6',
  close_range: '5.9',
  mount_setattr: '5.12',
  landlock_create_ruleset: '5.13',
};

/** What can be known of a call without making it. */
export interface KernelFacts {
  /** As of uname(2). */
  readonly release: string;
  /** Text of /proc/kallsyms; undefined where it cannot be read. */
  readonly symbols: string | undefined;
}

/** Takes a tenth of a second: after a refusal that a filter may have made only. */
export function kernelFacts(): KernelFacts {
  return { release: release(), symbols: readText('/proc/kallsyms') };
}

/**
 * Whether the kernel has the call, whatever a filter answers. The symbol table tells (a call that was
 * left out is not, or is a weak symbol there), otherwise the version.
 * @returns undefined where neither tells; otherwise with what was looked at.
 */
export function hasCall(
  call: string,
  { release, symbols }: KernelFacts,
): { readonly has: boolean; readonly by: string } | undefined {
  const symbol = (name: string) => new RegExp(`^\\S+ [Tt] (?:__[a-z0-9]+_)?sys_${name}$`, 'm');
  if (symbols !== undefined && symbol('read').test(symbols))
    return { has: symbol(call).test(symbols), by: '/proc/kallsyms' };
  const version = since[call as SyscallName];
  if (version === undefined) return undefined;
  return { has: isSince(release, version), by: `Linux ${release}` };
}

/** Versions are compared by their first two numbers. */
export function isSince(release: string, version: string): boolean {
  const [[major, minor], [first, second]] = [numbersOf(release), numbersOf(version)];
  return major > first || (major === first && minor >= second);
}

function numbersOf(version: string): [number, number] {
  const [, major = '0', minor = '0'] = /^([0-9]+)\.([0-9]+)/.exec(version) ?? [];
  return [Number(major), Number(minor)];
}

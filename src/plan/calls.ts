/**
 * One function for each system call that a plan may make, with the arguments of its man page.
 * Flag words are given by name, so that `explain` can print what the kernel gets.
 */
import { capabilityMask } from '../abi/capabilities.ts';
import * as abi from '../abi/flags.ts';
import { rlimitNumbers } from '../abi/rlimits.ts';
import type { Arch } from '../abi/syscalls.ts';
import { highHalf, lowHalf } from '../abi/word.ts';
import {
  type Directory,
  directory,
  flags,
  HERE,
  NULL,
  number,
  octal,
  slot,
  string,
  structure,
  ZERO,
} from './arguments.ts';
import type { Argument, Call, Slot } from './step.ts';

export type OpenFlag = keyof (typeof abi.openFlags)['x64'];
export type ResolveFlag = keyof typeof abi.resolveFlags;

// Files

/** openat2(2) */
export function openat2(
  arch: Arch,
  at: Directory,
  path: string,
  open: readonly OpenFlag[],
  resolve: readonly ResolveFlag[],
  mode = 0,
): Call {
  const how = structure({
    flags: flags(abi.openFlags[arch], open),
    mode: octal(mode),
    resolve: flags(abi.resolveFlags, resolve),
  });
  return { call: 'openat2', args: [directory(at), string(path), how, number(24)] };
}

export function openat(arch: Arch, path: string, open: readonly OpenFlag[]): Call {
  return {
    call: 'openat',
    args: [directory(HERE), string(path), flags(abi.openFlags[arch], open), ZERO],
  };
}

export function mkdirat(at: Directory, path: string, mode: number): Call {
  return { call: 'mkdirat', args: [directory(at), string(path), octal(mode)] };
}

/** mknodat(2) of a character device. */
export function mknodat(
  at: Slot,
  path: string,
  mode: number,
  [major, minor]: readonly [number, number],
): Call {
  const S_IFCHR = 0o020000;
  // makedev(3), for numbers below 256.
  const device = number((major << 8) | minor, `makedev(${major}, ${minor})`);
  return {
    call: 'mknodat',
    args: [slot(at), string(path), number(S_IFCHR | mode, `S_IFCHR|0${mode.toString(8)}`), device],
  };
}

export function fchownat(at: Slot, path: string, owner: number, group: number): Call {
  return {
    call: 'fchownat',
    args: [slot(at), string(path), number(owner), number(group), ZERO],
  };
}

/** mknodat(2): an empty regular file, without opening it. */
export function makeFile(at: Slot, path: string, mode: number): Call {
  const S_IFREG = 0o100000;
  const type = number(S_IFREG | mode, `S_IFREG|0${mode.toString(8)}`);
  return { call: 'mknodat', args: [slot(at), string(path), type, ZERO] };
}

export function unlinkat(at: Slot, path: string): Call {
  return { call: 'unlinkat', args: [slot(at), string(path), ZERO] };
}

export function symlinkat(target: string, at: Slot, path: string): Call {
  return { call: 'symlinkat', args: [string(target), slot(at), string(path)] };
}

/** read(2) from a descriptor with a fixed number, or from the one that a slot holds. */
export function read(fd: number | Slot, size: number): Call {
  const from = typeof fd === 'number' ? number(fd) : slot(fd);
  const buffer: Argument = { kind: 'bytes', value: new Uint8Array(size), text: '…' };
  return { call: 'read', args: [from, buffer, number(size)] };
}

/** write(2) of a text to a file that a slot holds. */
export function write(fd: Slot, text: string): Call {
  return { call: 'write', args: [slot(fd), string(text), number(Buffer.byteLength(text))] };
}

/** write(2) of a file's content, which is not printed. */
export function writeContent(fd: Slot, content: Uint8Array): Call {
  const bytes: Argument = { kind: 'bytes', value: content, text: '…' };
  return { call: 'write', args: [slot(fd), bytes, number(content.length)] };
}

/** fcntl(2): the descriptor is closed by the execve that succeeds. */
export function closeOnExec(fd: number): Call {
  const command = flags(abi.fcntlCommands, ['F_SETFD']);
  return { call: 'fcntl', args: [number(fd), command, flags(abi.descriptorFlags, ['FD_CLOEXEC'])] };
}

export function close(fd: Slot): Call {
  return { call: 'close', args: [slot(fd)] };
}

/** fcntl(2): EBADF where the descriptor is not open. */
export function getDescriptorFlags(fd: number): Call {
  return { call: 'fcntl', args: [number(fd), flags(abi.fcntlCommands, ['F_GETFD']), ZERO] };
}

/** fcntl(2): a copy of a descriptor that this program was started with. */
export function inherit(fd: number): Call {
  const command = flags(abi.fcntlCommands, ['F_DUPFD_CLOEXEC']);
  return { call: 'fcntl', args: [number(fd), command, ZERO] };
}

/** dup3(2): at a number of the plan's choice, closed by execve. */
export function duplicateAt(fd: Slot, at: number): Call {
  return { call: 'dup3', args: [slot(fd), number(at), flags(abi.openFlags.x64, ['O_CLOEXEC'])] };
}

/** dup3(2): from and to numbers of the plan's choice, not closed by execve. */
export function duplicateTo(fd: number, at: number): Call {
  return { call: 'dup3', args: [number(fd), number(at), ZERO] };
}

/** fcntl(2): at the lowest number that is free from `least` on, closed by execve. */
export function duplicateCloexec(fd: number, least: number): Call {
  const command = flags(abi.fcntlCommands, ['F_DUPFD_CLOEXEC']);
  return { call: 'fcntl', args: [number(fd), command, number(least)] };
}

/** close_range(2); without `last`, all from `first` on. */
export function closeRange(first: number, last?: number): Call {
  const end = last === undefined ? number(0xffffffff, '~0U') : number(last);
  return { call: 'close_range', args: [number(first), end, ZERO] };
}

/** close_range(2) of one. */
export function closeSlot(fd: Slot): Call {
  return { call: 'close_range', args: [slot(fd), slot(fd), ZERO] };
}

export function fchdir(fd: Slot): Call {
  return { call: 'fchdir', args: [slot(fd)] };
}

export function chdir(path: string): Call {
  return { call: 'chdir', args: [string(path)] };
}

export function umask(value: number): Call {
  return { call: 'umask', args: [octal(value)] };
}

// Host name, network

export function sethostname(name: string): Call {
  return { call: 'sethostname', args: [string(name), number(Buffer.byteLength(name))] };
}

/** setdomainname(2), in which the name is the NIS domain's. */
export function setdomainname(name: string): Call {
  return { call: 'setdomainname', args: [string(name), number(Buffer.byteLength(name))] };
}

export function socketInet(): Call {
  return {
    call: 'socket',
    args: [
      flags(abi.socketFamilies, ['AF_INET']),
      flags(abi.socketTypes, ['SOCK_DGRAM', 'SOCK_CLOEXEC']),
      ZERO,
    ],
  };
}

/** ioctl(SIOCSIFFLAGS) with IFF_UP, netdevice(7). */
export function interfaceUp(socket: Slot, name: string): Call {
  const IFF_UP = 1;
  const value = new Uint8Array(40);
  value.set(Buffer.from(name), 0);
  value[16] = IFF_UP;
  const request: Argument = {
    kind: 'bytes',
    value,
    text: `{ifr_name="${name}", ifr_flags=IFF_UP}`,
  };
  return {
    call: 'ioctl',
    args: [slot(socket), flags(abi.ioctlRequests, ['SIOCSIFFLAGS']), request],
  };
}

// Identity, limits

export function setgroups(groups: readonly number[]): Call {
  const value = new Uint8Array(Math.max(groups.length, 1) * 4);
  const view = new DataView(value.buffer);
  groups.forEach((group, index) => {
    view.setUint32(index * 4, group, true);
  });
  const list: Argument = { kind: 'bytes', value, text: `[${groups.join(', ')}]` };
  return { call: 'setgroups', args: [number(groups.length), list] };
}

export function setresuid(uid: number): Call {
  return { call: 'setresuid', args: [number(uid), number(uid), number(uid)] };
}

export function setresgid(gid: number): Call {
  return { call: 'setresgid', args: [number(gid), number(gid), number(gid)] };
}

/** prctl(2); the value's text says what it stands for. */
export function prctl(
  option: keyof typeof abi.prctlOptions,
  value: number,
  text?: string,
  third = 0,
): Call {
  const operation = flags(abi.prctlOptions, [option]);
  return {
    call: 'prctl',
    args: [operation, number(value, text), third === 0 ? ZERO : number(third), ZERO, ZERO],
  };
}

/** capset(2), version 3 of its structures, for the calling thread. */
export function capset(sets: {
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
}): Call {
  const masks = [sets.effective, sets.permitted, sets.inheritable].map(capabilityMask);
  const value = new Uint8Array(24);
  const view = new DataView(value.buffer);
  masks.forEach((set, index) => {
    view.setUint32(index * 4, lowHalf(set), true);
    view.setUint32(12 + index * 4, highHalf(set), true);
  });
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, 0x20080522, true);
  const list = (names: readonly string[]) => names.join('|') || '0';
  return {
    call: 'capset',
    args: [
      { kind: 'bytes', value: header, text: '{_LINUX_CAPABILITY_VERSION_3, 0}' },
      {
        kind: 'bytes',
        value,
        text: `{effective=${list(sets.effective)}, permitted=${list(sets.permitted)}, inheritable=${list(sets.inheritable)}}`,
      },
    ],
  };
}

/** prlimit64(2) of the calling process. */
export function prlimit(type: string, soft: bigint, hard: bigint): Call {
  const limits = structure({ rlim_cur: number(soft), rlim_max: number(hard) });
  return {
    call: 'prlimit64',
    args: [ZERO, number(rlimitNumbers[type] ?? -1, type), limits, NULL],
  };
}

// Process

/** OP_INIT of native/plan.h: the workload gets a process of its own, and this one is its init. */
export function becomeInit(): Call {
  return { call: 'become_init', args: [] };
}

export function setsid(): Call {
  return { call: 'setsid', args: [] };
}

export function execve(path: string, argv: readonly string[], env: readonly string[]): Call {
  return {
    call: 'execve',
    args: [string(path), { kind: 'strings', value: argv }, { kind: 'strings', value: env }],
  };
}

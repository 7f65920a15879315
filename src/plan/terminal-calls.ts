/** System calls on terminals: ioctl_tty(2), pty(7), dup3(2). */
import * as abi from '../abi/flags.ts';
import type { Arch } from '../abi/syscalls.ts';
import { EMPTY, flags, number, slot, ZERO } from './arguments.ts';
import type { Argument, Call, Slot } from './step.ts';

type Request = keyof typeof abi.ioctlRequests;

function ioctl(terminal: Slot, request: Request, argument: Argument): Call {
  return { call: 'ioctl', args: [slot(terminal), flags(abi.ioctlRequests, [request]), argument] };
}

/** Lets the other end be opened. */
export function unlockPeer(manager: Slot): Call {
  return ioctl(manager, 'TIOCSPTLCK', { kind: 'bytes', value: new Uint8Array(4), text: '[0]' });
}

/** The other end, by descriptor: no name is looked up. */
export function openPeer(arch: Arch, manager: Slot): Call {
  const how = flags(abi.openFlags[arch], ['O_RDWR', 'O_NOCTTY', 'O_CLOEXEC']);
  return ioctl(manager, 'TIOCGPTPEER', how);
}

/** @param rows and columns: 0 to 65535. */
export function setWindowSize(terminal: Slot, rows: number, columns: number): Call {
  const value = new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer);
  const text = `{ws_row=${rows}, ws_col=${columns}}`;
  return ioctl(terminal, 'TIOCSWINSZ', { kind: 'bytes', value, text });
}

/** Of a session leader that has none. */
export function makeControlling(terminal: Slot): Call {
  return ioctl(terminal, 'TIOCSCTTY', ZERO);
}

/** fchownat(2); its group stays. */
export function giveTo(terminal: Slot, owner: number): Call {
  const same = number(0xffffffff, '-1');
  const itself = flags(abi.treeFlags, ['AT_EMPTY_PATH']);
  return { call: 'fchownat', args: [slot(terminal), EMPTY, number(owner), same, itself] };
}

/** dup3(2), kept by execve. */
export function makeStream(terminal: Slot, stream: number): Call {
  return { call: 'dup3', args: [slot(terminal), number(stream), ZERO] };
}

/** The listener of a seccomp filter: seccomp_unotify(2). */
import { closeSync, readFileSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import {
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from '../abi/seccomp.ts';
import { syscallNumbers } from '../abi/syscalls.ts';
import { SyscallError, syscall } from './native.ts';
import { waitFor } from './poll.ts';

/** A call that waits for its answer. */
export interface Notification {
  readonly id: bigint;
  /** Of the thread, on the host. */
  readonly pid: number;
  readonly arch: number;
  readonly number: number;
  /** As they are in registers. */
  readonly args: readonly bigint[];
}

export type Answer =
  | { readonly kind: 'go on' }
  | { readonly kind: 'errno'; readonly errno: number };

/** undefined when who made the call has been killed meanwhile. */
export function receive(listener: number): Notification | undefined {
  // struct seccomp_notif: id, pid, flags, then seccomp_data: nr, arch, instruction pointer, args.
  const bytes = Buffer.alloc(80);
  if (!request(listener, SECCOMP_IOCTL_NOTIF_RECV, bytes)) return undefined;
  return {
    id: bytes.readBigUInt64LE(0),
    pid: bytes.readUInt32LE(8),
    number: bytes.readInt32LE(16),
    arch: bytes.readUInt32LE(20),
    args: Array.from({ length: 6 }, (_, index) => bytes.readBigUInt64LE(32 + index * 8)),
  };
}

export function answer(listener: number, { id }: Notification, how: Answer): void {
  // struct seccomp_notif_resp: id, val, error, flags.
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(id, 0);
  if (how.kind === 'errno') bytes.writeInt32LE(-how.errno, 16);
  else bytes.writeUInt32LE(SECCOMP_USER_NOTIF_FLAG_CONTINUE, 20);
  request(listener, SECCOMP_IOCTL_NOTIF_SEND, bytes);
}

/** Ends the process of who made the call, by a signal that it cannot catch, if it still waits. */
export function kill(listener: number, { id, pid }: Notification): void {
  if (!stillWaits(listener, id)) return;
  try {
    // The number of a thread does for kill(2).
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: another has done so.
  }
}

/** What its thread's number stands for may be looked at before this, and believed after. */
function stillWaits(listener: number, id: bigint): boolean {
  const bytes = Buffer.from(BigUint64Array.of(id).buffer);
  return request(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, bytes);
}

/** false when the call is not waiting any more. */
function request(listener: number, code: number, bytes: Buffer): boolean {
  const gone = [errnoNumber('ENOENT'), errnoNumber('EINTR'), errnoNumber('EINPROGRESS')];
  try {
    syscall('ioctl', listener, code, bytes);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && gone.includes(error.errno)) return false;
    throw error;
  }
}

/**
 * Takes a descriptor of the process, pidfd_getfd(2), and answers the call `hold` that it waits in.
 * @returns undefined when it has ended before. @throws SyscallError
 */
export function takeListener(pidfd: number, fd: number): number | undefined {
  const listener = syscall('pidfd_getfd', pidfd, fd, 0);
  try {
    for (;;) {
      const { readable, closed } = waitFor([listener, pidfd]);
      const made = readable.includes(listener) ? receive(listener) : undefined;
      if (made !== undefined) {
        const held = made.number === syscallNumbers.x64.hold;
        // That it fails by no error is its success.
        answer(listener, made, held ? { kind: 'errno', errno: 0 } : { kind: 'go on' });
        if (held) return listener;
      } else if (readable.includes(pidfd) || closed.length > 0) {
        closeSync(listener);
        return undefined;
      }
    }
  } catch (error) {
    closeSync(listener);
    throw error;
  }
}

/**
 * The name of the thread that waits, in which what is not printable is escaped: the workload has
 * chosen it. undefined when it does not wait any more, as its number may be another's by then.
 */
export function threadName(
  listener: number,
  { id, pid }: Pick<Notification, 'id' | 'pid'>,
): string | undefined {
  const name = readName(pid);
  if (!stillWaits(listener, id)) return undefined;
  return name?.replace(/[^ -~]/g, (other) => `\\u{${other.charCodeAt(0).toString(16)}}`);
}

function readName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').replace(/\n$/, '');
  } catch {
    return undefined;
  }
}

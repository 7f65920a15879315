/** The listener of a seccomp filter: seccomp_unotify(2). */
import { closeSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import {
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
  seccompFilterFlags,
  seccompOperations,
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
  /** Of the instruction behind it. */
  readonly address: bigint;
  /** As they are in registers. */
  readonly args: readonly bigint[];
}

export type Answer =
  | { readonly kind: 'go on' }
  | { readonly kind: 'errno'; readonly errno: number }
  /** Not made, but returns that. */
  | { readonly kind: 'value'; readonly value: bigint };

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
    address: bytes.readBigUInt64LE(24),
    args: Array.from({ length: 6 }, (_, index) => bytes.readBigUInt64LE(32 + index * 8)),
  };
}

export function answer(listener: number, { id }: Notification, how: Answer): void {
  // struct seccomp_notif_resp: id, val, error, flags.
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(id, 0);
  if (how.kind === 'errno') bytes.writeInt32LE(-how.errno, 16);
  else if (how.kind === 'value') bytes.writeBigInt64LE(how.value, 8);
  else bytes.writeUInt32LE(SECCOMP_USER_NOTIF_FLAG_CONTINUE, 20);
  request(listener, SECCOMP_IOCTL_NOTIF_SEND, bytes);
}

/** What its thread's number stands for may be looked at before this, and believed after. */
export function stillWaits(listener: number, { id }: Pick<Notification, 'id'>): boolean {
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
 * Whether nothing but death need wake a thread from waiting for its answer (Linux 5.19): signals come
 * after the answer then, and the call is not made anew for each.
 */
export function hasKillableWait(): boolean {
  const { SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV } =
    seccompFilterFlags;
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  try {
    syscall('seccomp', seccompOperations.SECCOMP_SET_MODE_FILTER, flags, null);
  } catch (error) {
    // It looks at its flags before it looks for a filter.
    return error instanceof SyscallError && error.errno === errnoNumber('EFAULT');
  }
  return false;
}

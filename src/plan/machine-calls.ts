/** The calls that PID 1 of a micro-VM alone makes: see calls.ts. */
import * as abi from '../abi/flags.ts';
import {
  EMPTY,
  flags,
  NULL,
  number,
  slot,
  string,
  structure,
  type Words,
  ZERO,
} from './arguments.ts';
import type { Argument, Call, Slot } from './step.ts';

/** nanosleep(2) */
export function sleepMilliseconds(count: number): Call {
  const time = structure({ tv_sec: ZERO, tv_nsec: number(count * 1e6) });
  return { call: 'nanosleep', args: [time, NULL] };
}

/** clock_settime(2) of CLOCK_REALTIME. @param time nanoseconds since 1970. */
export function setTime(time: bigint): Call {
  const SECOND = 1_000_000_000n;
  const value = structure({
    tv_sec: number(time / SECOND, '…'),
    tv_nsec: number(time % SECOND, '…'),
  });
  return { call: 'clock_settime', args: [flags(abi.clocks, ['CLOCK_REALTIME']), value] };
}

/** ioctl(RNDADDENTROPY), random(4): `struct rand_pool_info`. */
export function addEntropy(device: Slot, bytes: Uint8Array): Call {
  const value = new Uint8Array(8 + bytes.length);
  new DataView(value.buffer).setUint32(0, bytes.length * 8, true);
  new DataView(value.buffer).setUint32(4, bytes.length, true);
  value.set(bytes, 8);
  const pool: Argument = { kind: 'bytes', value, text: '…' };
  return {
    call: 'ioctl',
    args: [slot(device), flags(abi.ioctlRequests, ['RNDADDENTROPY']), pool],
  };
}

/** ioctl(RNDRESEEDCRNG), random(4). */
export function reseed(device: Slot): Call {
  return {
    call: 'ioctl',
    args: [slot(device), flags(abi.ioctlRequests, ['RNDRESEEDCRNG']), ZERO],
  };
}

/** finit_module(2) */
export function finitModule(fd: Slot): Call {
  return { call: 'finit_module', args: [slot(fd), EMPTY, ZERO] };
}

export function inotifyInit(): Call {
  return { call: 'inotify_init1', args: [flags(abi.inotifyFlags, ['IN_CLOEXEC'])] };
}

export function watchCreation(inotify: Slot, directory: string): Call {
  const events = flags(abi.inotifyEvents, ['IN_CREATE']);
  return { call: 'inotify_add_watch', args: [slot(inotify), string(directory), events] };
}

/**
 * OP_SUPERVISE of native/plan.h: clones the workload's process and serves the guest channel.
 * @param handover the number at which that process finds the socket for its terminal, where it makes one.
 * @param hosts its /etc/hosts, which the host changes, where it does.
 */
export function supervise(
  namespaces: Words<typeof abi.cloneFlags>,
  handover: number | undefined,
  hosts: Slot | undefined,
): Call {
  const socket = handover === undefined ? ZERO : number(handover);
  const file = hosts === undefined ? ZERO : slot(hosts);
  return {
    call: 'supervise',
    args: [flags(abi.cloneFlags, namespaces), socket, file],
  };
}

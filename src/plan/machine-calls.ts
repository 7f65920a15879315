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
import type { Call, Slot } from './step.ts';

/** nanosleep(2) */
export function sleepMilliseconds(count: number): Call {
  const time = structure({ tv_sec: ZERO, tv_nsec: number(count * 1e6) });
  return { call: 'nanosleep', args: [time, NULL] };
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

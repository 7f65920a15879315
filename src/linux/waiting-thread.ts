/**
 * A thread that waits for the answer to a call, and what a filter would do to it: SIGSYS, as seccomp(2)
 * has it. The kernel sends that whatever the thread does about it; a listener has to look first.
 */
import { closeSync, readFileSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import { answer, type Notification, stillWaits } from './listener.ts';
import { SyscallError, syscall } from './native.ts';
import { waitFor } from './poll.ts';

const { SIGSYS, SIGKILL } = signalNumbers;

/** proc_pid_status(5). */
export interface ThreadFacts {
  /** Of the process, on the host. */
  readonly process: number;
  readonly parent: number;
  /** The first of its PID namespace, which only SIGKILL ends from outside. */
  readonly isFirst: boolean;
  readonly threads: number;
  readonly traced: boolean;
  /** What SIGSYS would do to it. */
  readonly sigsys: 'ends it' | 'is caught' | 'nothing';
  /** Its name, in which what is not printable is escaped: the workload has chosen it. */
  readonly comm: string;
}

/** undefined when it does not wait any more, as its number may be another's by then. */
export function factsOf(listener: number, made: Notification): ThreadFacts | undefined {
  try {
    const status = readFileSync(`/proc/${made.pid}/status`, 'latin1');
    const comm = readFileSync(`/proc/${made.pid}/comm`, 'latin1').replace(/\n$/, '');
    if (!stillWaits(listener, made)) return undefined;
    const word = (key: string) => new RegExp(`^${key}:.*\\s(\\S+)$`, 'm').exec(status)?.[1] ?? '';
    const has = (key: string) => ((BigInt(`0x${word(key)}`) >> BigInt(SIGSYS - 1)) & 1n) === 1n;
    const held = has('SigBlk') || has('SigIgn');
    return {
      process: Number(word('Tgid')),
      parent: Number(word('PPid')),
      isFirst: word('NStgid') === '1',
      threads: Number(word('Threads')),
      traced: word('TracerPid') !== '0',
      sigsys: held ? 'nothing' : has('SigCgt') ? 'is caught' : 'ends it',
      comm: comm.replace(/[^ -~]/g, (other) => `\\u{${other.charCodeAt(0).toString(16)}}`),
    };
  } catch {
    return undefined;
  }
}

/** Milliseconds in which a process that has been sent its end comes to it. */
const DYING = 100;

/**
 * Ends the process of who made the call, which is not made, if it still waits.
 * @returns the signal: SIGSYS where that ends it, else SIGKILL.
 */
export function endProcess(
  listener: number,
  made: Notification,
  facts: ThreadFacts | undefined,
): 'SIGSYS' | 'SIGKILL' {
  const pidfd = facts === undefined ? undefined : openProcess(facts.process);
  try {
    if (!stillWaits(listener, made)) return 'SIGKILL';
    if (pidfd !== undefined && facts?.sigsys === 'ends it' && !facts.isFirst) {
      syscall('tgkill', facts.process, made.pid, SIGSYS);
      // Whatever it were answered, it dies on its way back.
      answer(listener, made, { kind: 'value', value: 0n });
      if (waitFor([pidfd], DYING).readable.length > 0) return 'SIGSYS';
      // Another of its threads has begun to catch it meanwhile.
      syscall('pidfd_send_signal', pidfd, SIGKILL, null, 0);
      return 'SIGKILL';
    }
    // The number of a thread does for kill(2).
    syscall('kill', made.pid, SIGKILL);
  } catch (error) {
    // ESRCH: another has done so.
    if (!(error instanceof SyscallError)) throw error;
  } finally {
    if (pidfd !== undefined) closeSync(pidfd);
  }
  return 'SIGKILL';
}

function openProcess(pid: number): number | undefined {
  try {
    return syscall('pidfd_open', pid, 0);
  } catch {
    return undefined;
  }
}

/**
 * SIGSYS to a handler that is told the call, as SECCOMP_RET_TRAP has it: seccomp(2). No process may
 * send another what the kernel alone says, kill(2) and its kin; a tracer may change it before it
 * arrives: ptrace(2). So the thread is traced for that moment.
 */
import { errnoNumber } from '../abi/errno.ts';
import { signalNumbers } from '../abi/signals.ts';
import { isEnd } from './children.ts';
import { answer, type Notification } from './listener.ts';
import { SyscallError, syscall } from './native.ts';
import { waitFor } from './poll.ts';
import type { ThreadFacts } from './waiting-thread.ts';

const { SIGSYS } = signalNumbers;

const PTRACE_CONT = 7;
const PTRACE_DETACH = 17;
const PTRACE_GETSIGINFO = 0x4202;
const PTRACE_SETSIGINFO = 0x4203;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
const PTRACE_EVENT_STOP = 128;

/** Milliseconds, which are never needed: it has only its way back from the kernel to go. */
const PATIENCE = 1000;

/**
 * Answers the call, which is not made, so that the handler runs before anything else of the thread. It
 * must wait killably: listener.ts.
 * @param data what the filter has for si_errno.
 * @returns whether the handler is told the call: another may trace the thread.
 */
export function trap(
  listener: number,
  made: Notification,
  { process, parent }: ThreadFacts,
  data: number,
): boolean {
  const { pid: thread } = made;
  const own = parent === globalThis.process.pid && process === thread;
  const seized = seize(thread);
  if (!seized) unlessGone(() => syscall('tgkill', process, thread, SIGSYS));
  // The registers are those before the call.
  answer(listener, made, { kind: 'value', value: rolledBack(made) });
  if (!seized) return false;
  return unlessGone(() => {
    for (let sent = false, left = PATIENCE; left > 0; left -= 1) {
      const stop = stopOf(thread, own);
      if (stop === 'gone') return;
      if (stop === undefined) waitFor([], 1);
      else if (stop === SIGSYS && sent) {
        syscall('ptrace', PTRACE_SETSIGINFO, thread, 0, informationOf(made, data));
        syscall('ptrace', PTRACE_DETACH, thread, 0, SIGSYS);
        return;
      } else {
        if (!sent) syscall('tgkill', process, thread, SIGSYS);
        sent = true;
        syscall('ptrace', PTRACE_CONT, thread, 0, stop);
      }
    }
  });
}

function seize(thread: number): boolean {
  return unlessGone(() => {
    syscall('ptrace', PTRACE_SEIZE, thread, 0, 0);
    syscall('ptrace', PTRACE_INTERRUPT, thread, 0, 0);
  });
}

/** false where the thread may not be traced, or has ended. */
function unlessGone(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch (error) {
    const expected = ['EPERM', 'ESRCH', 'ECHILD'] as const;
    if (error instanceof SyscallError && expected.some((name) => errnoNumber(name) === error.errno))
      return false;
    throw error;
  }
}

/**
 * The signal with which the thread has stopped, 0 for another reason; undefined while it has not.
 * @param own whether it is this process's own child, whose end others here wait for, and take its stops
 *   from who waits.
 */
function stopOf(thread: number, own: boolean): number | 'gone' | undefined {
  // siginfo_t: si_signo, si_errno, si_code.
  const information = new Int32Array(32);
  if (!unlessGone(() => syscall('ptrace', PTRACE_GETSIGINFO, thread, 0, information)))
    return own ? undefined : goneOf(thread);
  const [signal = 0, , code = 0] = information;
  return code >> 8 === PTRACE_EVENT_STOP ? 0 : signal;
}

/** A thread that has ended stays until its tracer has heard of it. */
function goneOf(thread: number): 'gone' | undefined {
  const [P_PID, WNOHANG, WEXITED, WALL] = [1, 1, 4, 0x40000000];
  const information = new Int32Array(32);
  syscall('waitid', P_PID, thread, information, WNOHANG | WEXITED | WALL, null);
  return isEnd(information) ? 'gone' : undefined;
}

/** On x86 the number is where the result will be, on arm64 the first argument. */
function rolledBack({ number, args }: Notification): bigint {
  return process.arch === 'x64' ? BigInt(number) : BigInt.asIntN(64, args[0] ?? 0n);
}

/** siginfo_t, as force_sig_seccomp() of the kernel's has it: SYS_SECCOMP. */
function informationOf({ number, arch, address }: Notification, data: number): Buffer {
  const SYS_SECCOMP = 1;
  const bytes = Buffer.alloc(128);
  for (const [index, word] of [SIGSYS, data, SYS_SECCOMP].entries())
    bytes.writeInt32LE(word, index * 4);
  bytes.writeBigUInt64LE(address, 16);
  bytes.writeInt32LE(number, 24);
  bytes.writeUInt32LE(arch, 28);
  return bytes;
}

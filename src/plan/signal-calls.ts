/** The calls about signals: see calls.ts. */
import { NULL, number, structure } from './arguments.ts';
import type { Argument, Call } from './step.ts';

/** rt_sigaction(2): back to the default action. */
export function defaultSignal(signal: number, name: string): Call {
  return action(signal, name, 0, 'SIG_DFL');
}

/** rt_sigaction(2); execve(2) leaves it ignored. */
export function ignoreSignal(signal: number, name: string): Call {
  return action(signal, name, 1, 'SIG_IGN');
}

function action(signal: number, name: string, handler: number, word: string): Call {
  const sigaction = structure({ sa_handler: number(handler, word) }, 32);
  return { call: 'rt_sigaction', args: [number(signal, name), sigaction, NULL, number(8)] };
}

/** A `sigset_t` without any signal. */
const emptySet: Argument = { kind: 'bytes', value: new Uint8Array(8), text: '[]' };

/** rt_sigprocmask(2): no signal blocked. */
export function unblockSignals(): Call {
  return {
    call: 'rt_sigprocmask',
    args: [number(2, 'SIG_SETMASK'), emptySet, NULL, number(8)],
  };
}

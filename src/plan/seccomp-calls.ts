/** The calls that install a filter, and let tsbox take its listener. */
import { messageFlags } from '../abi/flags.ts';
import { seccompFilterFlags, seccompOperations } from '../abi/seccomp.ts';
import { flags, NULL, number, string, structure, type Words, ZERO } from './arguments.ts';
import type { Call } from './step.ts';

/** seccomp(2) of a `struct sock_fprog`. @param program an array of `struct sock_filter`. */
export function installFilter(
  program: Uint8Array,
  words: Words<typeof seccompFilterFlags>,
  name: string,
): Call {
  const filter = { kind: 'bytes', value: program, text: `/* ${name} */` } as const;
  return {
    call: 'seccomp',
    args: [
      flags(seccompOperations, ['SECCOMP_SET_MODE_FILTER']),
      flags(seccompFilterFlags, words),
      structure({ len: number(program.length / 8), filter }),
    ],
  };
}

/** A call that no kernel has: the filter that was just installed keeps the process waiting in it. */
export function hold(): Call {
  return { call: 'hold', args: [] };
}

/** sendto(2) of a byte. */
export function sendByte(socket: number): Call {
  const noSignal = flags(messageFlags, ['MSG_NOSIGNAL']);
  return { call: 'sendto', args: [number(socket), string('.'), number(1), noSignal, NULL, ZERO] };
}

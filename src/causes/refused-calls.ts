/**
 * A call that is refused whatever its arguments: by a filter of seccomp(2) around tsbox, or by a
 * kernel that does not have it. Both may answer ENOSYS, so the kernel itself is asked what it has.
 */
import type { SyscallName } from '../abi/syscalls.ts';
import type { Cause, Probe } from './cause.ts';
import { hasCall, type KernelFacts, kernelFacts, since } from './kernel-calls.ts';
import { answerTo, canAnswer } from './meaningless.ts';
import { ownStatus } from './status.ts';

export const refusedCalls: Probe = {
  concerns: ({ call }) => madeFor(call).some(canAnswer),
  looksAt: 'the call with arguments that mean nothing gets the error of its arguments',
  prove: ({ call }) => proveRefusedCalls(madeFor(call)),
};

/** Why the first of these calls that is refused is refused. */
export async function proveRefusedCalls(calls: readonly string[]): Promise<Cause | undefined> {
  for (const call of calls) {
    const answer = await answerTo(call);
    const cause = answer === undefined ? undefined : judge(call, answer);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** The new process makes some calls before it is tsbox-init: their errors are the clone's (native/launch.c). */
function madeFor(call: string): readonly string[] {
  if (call === 'clone3') return ['clone3', 'close_range'];
  return call === 'idmap' ? ['mount_setattr'] : [call];
}

function judge(call: string, answer: string): Cause | undefined {
  const { filtered } = ownStatus();
  const kernel = filtered && answer === 'ENOSYS' ? kernelFacts() : undefined;
  return judgeRefusedCall(call, answer, filtered, kernel);
}

/**
 * @param answer the error of the call with arguments that mean nothing.
 * @param filtered whether a filter is in force.
 * @param kernel needed where a filter is in force and the answer is ENOSYS.
 */
export function judgeRefusedCall(
  call: string,
  answer: string,
  filtered: boolean,
  kernel?: KernelFacts,
): Cause | undefined {
  if (answer === 'ENOSYS') {
    if (!filtered) return absent(call, 'no filter of seccomp is around tsbox');
    const found = kernel === undefined ? undefined : hasCall(call, kernel);
    if (found?.has === false) return absent(call, found.by);
    if (found === undefined) return undefined;
    return byFilter(call, answer, `, and this kernel has the call (${found.by})`);
  }
  return filtered && ['EPERM', 'EACCES'].includes(answer) ? byFilter(call, answer, '') : undefined;
}

function byFilter(call: string, answer: string, more: string): Cause {
  return {
    sentence: `a seccomp filter around tsbox refuses ${call}(2): even with arguments that mean nothing it gets ${answer} (Seccomp: 2 in /proc/self/status)${more}`,
    mend: 'run tsbox outside the container or service that has the filter, or allow the call there: docker and podman run --security-opt seccomp=unconfined',
  };
}

function absent(call: string, by: string): Cause {
  const version = since[call as SyscallName];
  const came = version === undefined ? '' : `, which came with Linux ${version}`;
  return {
    sentence: `this kernel has no ${call}(2)${came}: ENOSYS, whatever its arguments (${by})`,
    mend: 'boot Linux 5.12 or later, such as the kernel of Debian 12',
  };
}

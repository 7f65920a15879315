/**
 * What becomes of the listener of a box's filter: an agent of the user's gets it, as the OCI runtime
 * specification says (config-linux.md, "The Container Process State"), or a thread of tsbox serves it.
 */
import { closeSync } from 'node:fs';
import { describeErrno } from '../abi/errno.ts';
import { newerSyscalls } from '../abi/seccomp.ts';
import { libseccomp } from '../linux/libseccomp.ts';
import { passDescriptor } from '../linux/pass-descriptor.ts';
import type { SeccompFilter } from '../plan/seccomp.ts';
import type { Step } from '../plan/step.ts';
import type { RecordedCall } from '../sandbox/sandbox.ts';
import { type CallNumber, type DeniedCall, startWatch } from '../seccomp/watch.ts';
import type { Box } from '../spec/box.ts';

/** Serves the listener, which is closed in the end. @param say told of each call that is refused. */
export function watchCalls(
  listener: number,
  steps: readonly Step[],
  filters: readonly SeccompFilter[],
  say: (message: string) => void,
): { end(): Promise<RecordedCall[]> } {
  const judge = filters.find((filter) => filter.judge !== undefined)?.judge;
  const hold = steps.findIndex(({ call }) => call === 'hold');
  const execute = steps.findIndex(({ call }) => call === 'execve');
  const order = { listener, judge, unrecorded: execute - hold - 1 };
  const watch = startWatch(order, (call) => say(denialText(call)));
  return {
    end: async () => (await watch.end()).map((call) => ({ ...call, name: nameOf(call) })),
  };
}

function denialText({ arch, number, args, name, pid, errno }: DeniedCall): string {
  const words = args.map((value) => `0x${value.toString(16)}`).join(', ');
  const by = name === '' ? `process ${pid}` : `${name} (process ${pid})`;
  return `seccomp: ${by}: ${nameOf({ arch, number })}(${words}): ${describeErrno(errno)}`;
}

/** Of a call; its number where libseccomp is missing, or does not know it, and it is not a newer one. */
function nameOf({ arch, number }: CallNumber): string {
  const newer = [...newerSyscalls].find(([, known]) => known === number)?.[0];
  const otherwise = newer ?? `call ${number}`;
  try {
    return libseccomp().name(arch, number) || otherwise;
  } catch {
    return otherwise;
  }
}

/** @throws SyscallError where nobody listens there. */
export function informAgent({ id, spec }: Box, pid: number, listener: number): void {
  const { ociVersion, linux } = spec;
  if (linux.seccomp === 'default' || linux.seccomp?.listenerPath === undefined) return;
  const { listenerPath, listenerMetadata } = linux.seccomp;
  const state = {
    ociVersion,
    fds: ['seccompFd'],
    pid,
    ...(listenerMetadata === undefined ? {} : { metadata: listenerMetadata }),
    // Without a bundle its directory is that of the root file system.
    state: { ociVersion, id, status: 'creating', pid, bundle: spec.root.path },
  };
  try {
    passDescriptor(listenerPath, JSON.stringify(state), listener);
  } finally {
    closeSync(listener);
  }
}

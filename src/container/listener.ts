/**
 * What becomes of the listener of a box's filter: an agent of the user's gets it, as the OCI runtime
 * specification says (config-linux.md, "The Container Process State"), or a thread of tsbox serves it.
 */
import { closeSync } from 'node:fs';
import { describeErrno, errnoNumber } from '../abi/errno.ts';
import { architecturesOf, newerSyscalls } from '../abi/seccomp.ts';
import { type Libseccomp, libseccomp } from '../linux/libseccomp.ts';
import { passDescriptor } from '../linux/pass-descriptors.ts';
import { BoxError } from '../sandbox/errors.ts';
import { hostArch } from '../sandbox/host.ts';
import type { RecordedCall } from '../sandbox/sandbox.ts';
import { profileOf } from '../seccomp/own-profile.ts';
import {
  callKey,
  type Denial,
  type DeniedCall,
  type HeardCall,
  startWatch,
  type WatchOrder,
} from '../seccomp/watch.ts';
import type { Box } from '../spec/box.ts';

/** A listener that tsbox serves as long as the box runs. */
export interface Watch {
  /** Settles with the calls that were heard, when no process of the box is left. */
  end(): Promise<readonly RecordedCall[]>;
  /** Whether the box's first process was ended for a call: by SIGKILL, as no other signal does it. */
  isFirstKilled(): boolean;
}

/**
 * Serves the listener, which is closed in the end.
 * @param judge the filter by which calls are answered.
 * @param pid of the box's first process.
 * @param say told of each call that is refused.
 */
export function watchCalls(
  listener: number,
  judge: Uint8Array,
  { spec, watch: wanted }: Pick<Box, 'spec' | 'watch'>,
  pid: number,
  say: (message: string) => void,
): Watch {
  const telling = wanted === 'all' ? tellingArguments(spec) : new Map();
  const order = { listener, judge, telling };
  let firstKilled = false;
  const watch = startWatch(order, (call) => {
    const first = call.denial.kind === 'killed' && call.denial.process === pid;
    firstKilled ||= first;
    say(denialText(call, first));
  });
  return {
    isFirstKilled: () => firstKilled,
    end: async () => (await watch.end()).map((call) => ({ ...call, name: nameOf(call) })),
  };
}

/** Those of which the rules of the box's profile speak. @throws BoxError without libseccomp. */
function tellingArguments(spec: Box['spec']): WatchOrder['telling'] {
  const telling = new Map<string, number[]>();
  const add = (name: string, arch: number, indexes: readonly number[]) => {
    const key = callKey({ arch, number: library().number(arch, name) });
    telling.set(key, [...(telling.get(key) ?? []), ...indexes]);
  };
  for (const { names, args = [] } of profileOf(spec, hostArch())?.syscalls ?? [])
    for (const name of args.length > 0 ? names : [])
      for (const arch of architecturesOf[hostArch()].values())
        add(
          name,
          arch,
          args.map(({ index }) => index),
        );
  return telling;
}

function library(): Libseccomp {
  try {
    return libseccomp();
  } catch (error) {
    throw new BoxError((error as Error).message, { cause: error });
  }
}

function denialText(call: DeniedCall, first: boolean): string {
  const words = call.args.map((value) => `0x${value.toString(16)}`).join(', ');
  const by = call.comm === undefined ? `process ${call.pid}` : `${call.comm} (process ${call.pid})`;
  const name = nameOf(call) ?? `call ${call.number}`;
  return `seccomp: ${by}: ${name}(${words}): ${outcome(call.denial, first)}`;
}

/** @param first whether it was the box's first process, of whose end tsbox tells what it was for. */
function outcome(denial: Denial, first: boolean): string {
  switch (denial.kind) {
    case 'errno':
      return describeErrno(denial.errno);
    case 'untraced':
      return `${describeErrno(errnoNumber('ENOSYS'))}${denial.traced ? ', as its tracer is not asked while calls are shown' : ', as nobody traces it'}`;
    case 'trapped':
      return `SIGSYS to its handler${denial.told ? '' : ', without the number of the call, as it is traced'}`;
    case 'killed': {
      const others = denial.others ? ', and its other threads, too' : '';
      const by = denial.by === 'SIGSYS' || first ? '' : ', by SIGKILL instead of SIGSYS';
      return `killed for it${others}${by}`;
    }
  }
}

/** undefined where libseccomp is missing, or does not know the call, and it is not a newer one. */
function nameOf({ arch, number }: Pick<HeardCall, 'arch' | 'number'>): string | undefined {
  const newer = [...newerSyscalls].find(([, known]) => known === number)?.[0];
  try {
    return libseccomp().name(arch, number) || newer;
  } catch {
    return newer;
  }
}

/** @throws BoxError where nobody listens there. */
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
  } catch (error) {
    throw new BoxError(
      `the agent of the seccomp profile cannot be told of the box: listenerPath ${listenerPath}: ${(error as Error).message}: it must listen there before the box is started`,
      { cause: error },
    );
  } finally {
    closeSync(listener);
  }
}

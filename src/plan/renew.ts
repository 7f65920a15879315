/** What each machine has of its own, though it may be the copy of one that had begun. */
import type { Arch } from '../abi/syscalls.ts';
import type { Place } from '../spec/network.ts';
import { HERE } from './arguments.ts';
import { openat, openat2, sethostname, writeContent } from './calls.ts';
import { addEntropy, reseed, setTime } from './machine-calls.ts';
import { setns } from './namespaces.ts';
import { disconnectInterface, renewInterface } from './network.ts';
import { type Section, type Step, step } from './step.ts';

export interface Fresh {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Random bytes that nobody else gets; 32 are as many as the kernel's generator takes up. */
  readonly entropy: Uint8Array;
}

export function renewSections(arch: Arch, { time, entropy }: Fresh): Section[] {
  return [
    {
      title: 'Time and random numbers',
      steps: [
        step(setTime(time), 'the machine may have been saved a while ago'),
        step(openat(arch, '/dev/urandom', ['O_WRONLY', 'O_CLOEXEC']), 'the kernel’s generator', {
          into: 'random',
        }),
        step(addEntropy('random', entropy), 'no two copies of a machine draw the same numbers'),
        step(reseed('random'), 'from now on, not in a while'),
      ],
    },
  ];
}

/** What a box that runs already, in a machine that was saved, has of its own. */
export interface Renewal {
  /** Number of the workload's first process in the guest. */
  readonly process: number;
  readonly hostname: string | undefined;
  /** Files of the host's, at their paths in the guest. */
  readonly files: readonly { readonly path: string; readonly content: Uint8Array }[];
  /** Where it is on a network now, and where it was when it was saved. */
  readonly places: { readonly now: Place; readonly then: Place } | undefined;
}

/** By init, before the machine is saved. */
export function leaveNetwork(): Section[] {
  return [{ title: 'Interface', steps: disconnectInterface() }];
}

/** By init, while the workload goes on. */
export function renewBox(arch: Arch, { process, hostname, files, places }: Renewal): Section[] {
  const sections = [
    {
      title: 'Host name',
      steps: hostname === undefined ? [] : renameHost(arch, process, hostname),
    },
    { title: 'Files of the host', steps: files.flatMap((file) => rewrite(arch, file)) },
    {
      title: 'Interface',
      steps: places === undefined ? [] : renewInterface(places.now, places.then),
    },
  ];
  return sections.filter(({ steps }) => steps.length > 0);
}

function renameHost(arch: Arch, process: number, hostname: string): Step[] {
  const open = (path: string, why: string, into: string) =>
    step(openat(arch, path, ['O_RDONLY', 'O_CLOEXEC']), why, { into });
  return [
    open('/proc/self/ns/uts', 'init’s own', 'names.init'),
    open(`/proc/${process}/ns/uts`, 'where the box has its host name', 'names.box'),
    step(setns('names.box', ['CLONE_NEWUTS']), 'init is there for a moment'),
    step(sethostname(hostname), 'the name of this copy'),
    step(setns('names.init', ['CLONE_NEWUTS']), 'and back'),
  ];
}

function rewrite(arch: Arch, { path, content }: Renewal['files'][number]): Step[] {
  const flags = ['O_WRONLY', 'O_TRUNC', 'O_CLOEXEC'] as const;
  return [
    step(openat2(arch, HERE, path, flags, []), 'the box sees this file', { into: path }),
    step(writeContent(path, content), 'as the host has it now'),
  ];
}

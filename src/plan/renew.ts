/** What each machine has of its own, though it may be the copy of one that had begun: time and chance. */
import type { Arch } from '../abi/syscalls.ts';
import { openat } from './calls.ts';
import { addEntropy, reseed, setTime } from './machine-calls.ts';
import { type Section, step } from './step.ts';

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

/** `--preserve-fds N`: the descriptors 3 to N+2 of tsbox become those of the workload. */
import { SpecError } from './errors.ts';

/** As many as tsbox-init is started with (native/launch.c, MAX_FILES), less what it needs itself. */
export const MOST_PRESERVED = 50;

/** @param inherited how many descriptors from 3 on tsbox was started with. @throws SpecError */
export function parsePreserveFds(value: string, inherited: number): number {
  const count = /^[0-9]{1,2}$/.test(value) ? Number(value) : Number.NaN;
  if (!(count <= MOST_PRESERVED))
    throw new SpecError([
      `--preserve-fds ${value}: not a number of descriptors: 0 to ${MOST_PRESERVED} are`,
    ]);
  if (count <= inherited) return count;
  throw new SpecError([
    `--preserve-fds ${value}: descriptor ${3 + inherited} is not open: open 3 to ${count + 2} for tsbox, as in \`tsbox … ${3 + inherited}<FILE\``,
  ]);
}

/** Feeds damaged plans to the decoder: it may refuse them, and must not touch what is not theirs. */
import { writeFileSync } from 'node:fs';
import { randomSequence } from '../../src/bench/schedule.ts';
import { planFaults } from '../../src/plan/report.ts';
import { decodeCheck } from '../unit/decode-check.ts';
import { mutate } from './mutate.ts';

/** Plans for one run of the program: starting it costs as much as some hundred of them. */
const BATCH = 500;

/** Where the plan that broke the decoder is kept. */
const kept = new URL('../../native/build/broken.plan', import.meta.url).pathname;

/**
 * @param plans valid ones, to be damaged.
 * @param goesOn asked before every batch, with the number of plans so far.
 * @returns how often each fault was given.
 * @throws Error that says how to do it again, with the sanitizer's report.
 */
export function fuzzDecoder(
  plans: readonly Uint8Array[],
  seed: number,
  goesOn: (count: number) => boolean,
): number[] {
  const random = randomSequence(seed);
  const counts = planFaults.map(() => 0);
  for (let count = 0; goesOn(count); count += BATCH) {
    const batch = Array.from({ length: BATCH }, () => mutate(random, plans));
    const { lines, status, stderr } = decodeCheck(batch);
    const faults = lines.map((line) => Number(/^\{"fault":(\d+)[,}]/.exec(line)?.[1]));
    const strange = faults.findIndex((fault) => !(fault in planFaults));
    const broken = strange < 0 ? lines.length : strange;
    if (status !== 0 || broken < BATCH) {
      writeFileSync(kept, batch[broken] ?? '');
      throw new Error(
        `plan ${count + broken} of seed ${seed} (now ${kept}): the decoder ended with ${status}, said ${lines[broken]}\n${stderr}`,
      );
    }
    for (const fault of faults) counts[fault] = (counts[fault] ?? 0) + 1;
  }
  return counts;
}

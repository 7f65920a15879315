/** A short run of the plan decoder's fuzzer; `sh scripts/fuzz SECONDS` makes a long one of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodePlan } from '../../src/plan/encode.ts';
import { planFaults } from '../../src/plan/report.ts';
import { fuzzDecoder } from '../fuzz/plan-decoder.ts';
import { fuzzSeconds, fuzzSeed } from '../fuzz/settings.ts';
import { anySteps } from './any-steps.ts';
import { container, guest, stepsOf } from './boxes.ts';

const plans = [
  stepsOf(container({})),
  stepsOf(container({ userns: 'auto', volume: ['/host/directory:/d'], user: 'user' })),
  stepsOf(guest({})),
  ...fc.sample(anySteps, { numRuns: 20, seed: 1 }),
].map((steps) => encodePlan(steps, 'x64'));

/** Those that a decoder gives: the report's room is looked at by the interpreter. */
const ofDecoder = planFaults.map((fault) => fault !== 'the report has no room for every step');

test('damaged plans are refused or harmless, and every fault is found in them', () => {
  const counts = fuzzDecoder(plans, 1, (count) => count < 10_000);
  expect(counts.map((count) => count > 0)).toEqual(ofDecoder);
});

test('so are those of a seed that is new each time', () => {
  const end = Date.now() + fuzzSeconds(2) * 1000;
  const counts = fuzzDecoder(plans, fuzzSeed, () => Date.now() < end);
  if (fuzzSeconds(0) > 0) console.log(`seed ${fuzzSeed}:`, counts.join(' '));
});

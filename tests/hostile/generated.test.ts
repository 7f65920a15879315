/**
 * Boxes of generated images: each runs, or is refused with a clear error; in no case is a canary
 * changed, anything left, or the run held up. HOSTILE_IMAGES of them, from HOSTILE_SEED on; what fails
 * is shown with its own seed: HOSTILE_IMAGES=1 HOSTILE_SEED=N makes it again.
 */
import { expect, test } from 'vitest';
import { tsbox as library, openDescriptors } from '../host/library.ts';
import { asOpenDoes } from './attacks.ts';
import { type Change, runHere } from './box.ts';
import { firstSeed, kindOfEnd, makeGround, tally, wrong } from './generated.ts';

const { HOSTILE_IMAGES } = process.env;
const count = Number(HOSTILE_IMAGES ?? 150);
/** The same images in every short run: what fails there is what was changed. */
const first = firstSeed(HOSTILE_IMAGES);

const sources = ['source', 'source/file', 'source/link', 'source/directory'];
const ground = makeGround(sources, 0);

/** Makes an image, runs a box of it, and tells what is wrong. @param change what the box does without. */
async function attempt(seed: number, change: Change = (plan) => plan) {
  const image = ground.make(seed);
  const { command, options, copied } = image;
  const outcome = await runHere(ground.rootfs, command, options, (box, host) => {
    const kernel = copied ? { ...host, overlay: false } : host;
    return change(library.planContainer(box, kernel), box, kernel);
  });
  return { image, outcome, problems: [...wrong(outcome, image), ...ground.changes(image)] };
}

test(`${count} generated images from seed ${first} on`, { timeout: 3_600_000 }, async () => {
  const ends: string[] = [];
  // The first box of all leaves the sealed copy of tsbox-init open.
  await attempt(first);
  const descriptors = openDescriptors();
  for (let seed = first; seed < first + count; seed++) {
    const { problems, ...all } = await attempt(seed);
    if (openDescriptors() !== descriptors) problems.push('a descriptor is open');
    expect(problems, `seed ${seed}: ${JSON.stringify(all, null, 1)}`).toEqual([]);
    ends.push(kindOfEnd(all.outcome));
    if (ends.length % 500 === 0) console.log(`${ends.length} of ${count}`);
  }
  console.log(tally(ends));
  expect(count < 100 || ends.filter((end) => end === 'ran').length > count / 10).toBe(true);
});

/** That of the images which are generated some lead out where nothing keeps them in. */
test('without RESOLVE_IN_ROOT some of them lead out', { timeout: 600_000 }, async () => {
  for (let seed = 1; seed < 10_000; seed++) {
    const { entries, options } = ground.draw(seed);
    if (options.volume === undefined || !JSON.stringify(entries).includes(ground.canaries))
      continue;
    const { problems } = await attempt(seed, asOpenDoes);
    if (problems.some((problem) => problem.startsWith('a canary'))) return;
  }
  expect.fail('no canary was changed');
});

/**
 * Boxes of generated images: each runs, or is refused with a clear error; in no case is a canary
 * changed, anything left, or the run held up. HOSTILE_IMAGES of them, from HOSTILE_SEED on; what fails
 * is shown with its own seed: HOSTILE_IMAGES=1 HOSTILE_SEED=N makes it again.
 */
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tsbox as library, openDescriptors } from '../host/library.ts';
import { asOpenDoes } from './attacks.ts';
import { type Change, compile, type Outcome, runHere, scratchDirectory } from './box.ts';
import { buildImage } from './build-image.ts';
import { makeCanaries, picture, runtimePicture } from './canary.ts';
import { type HostileImage, hostileImage } from './hostile-image.ts';

const count = Number(process.env.HOSTILE_IMAGES ?? 150);
/** The same images in every short run: what fails there is what was changed. */
const first = Number(
  process.env.HOSTILE_SEED ??
    (process.env.HOSTILE_IMAGES === undefined ? 1 : Math.floor(Math.random() * 2 ** 30)),
);

const top = scratchDirectory();
const [canaries, rootfs] = [join(top, 'canaries'), join(top, 'image')];
makeCanaries(canaries);
const work = compile('work', top);
const sources = ['source', 'source/file', 'source/link', 'source/directory'].map((name) =>
  join(top, name),
);
mkdirSync(join(top, 'source/directory/a/b'), { recursive: true });
writeFileSync(join(top, 'source/file'), 'volume\n');
symlinkSync(join(canaries, 'directory'), join(top, 'source/m'));
symlinkSync(join(canaries, 'directory'), join(top, 'source/a'));
symlinkSync('file', join(top, 'source/link'));

/** Everything that is wrong with how it ended. */
function wrong({ status, error, stdout, hung, left }: Outcome, image: HostileImage): string[] {
  // Then it is tsbox-init that runs, without a plan.
  const itself = JSON.stringify(image).includes('/proc/self/exe');
  const ended = status === 42 || status >= 128 || (itself && status === 125);
  return [
    ...(hung ? ['it hung'] : []),
    ...left.map((what) => `${what} is left`),
    ...stdout.split('\n').filter((line) => line.startsWith('ESCAPED')),
    ...(error === '' && !ended ? [`it ended with ${status}`] : []),
    ...(error !== '' && ![125, 126, 127].includes(status)
      ? [`an error with status ${status}`]
      : []),
    ...(/^ +at |fault of tsbox|before it began|does not exist$|Error:/m.test(error)
      ? ['no clear error']
      : []),
  ];
}

const untouched = [...picture(canaries), ...runtimePicture()].join();

/** Makes an image, runs a box of it, and tells what is wrong. @param change what the box does without. */
async function attempt(seed: number, change: Change = (plan) => plan) {
  const image = hostileImage(seed, canaries, sources);
  rmSync(rootfs, { recursive: true, force: true });
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  copyFileSync(work, join(rootfs, 'bin/work'));
  buildImage(rootfs, image.entries);
  const before = picture(rootfs).join();
  const outcome = await runHere(rootfs, image.command, image.options, (box, host) => {
    const kernel = image.copied ? { ...host, overlay: false } : host;
    return change(library.planContainer(box, kernel), box, kernel);
  });
  const problems = wrong(outcome, image);
  if (image.options.writable !== true && picture(rootfs).join() !== before)
    problems.push('the image was changed');
  if ([...picture(canaries), ...runtimePicture()].join() !== untouched)
    problems.push('a canary or the runtime was changed');
  return { image, outcome, problems };
}

test(`${count} generated images from seed ${first} on`, { timeout: 3_600_000 }, async () => {
  const ends = new Map<string, number>();
  // The first box of all leaves the sealed copy of tsbox-init open.
  await attempt(first);
  const descriptors = openDescriptors();
  for (let seed = first; seed < first + count; seed++) {
    const { problems, ...all } = await attempt(seed);
    if (openDescriptors() !== descriptors) problems.push('a descriptor is open');
    expect(problems, `seed ${seed}: ${JSON.stringify(all, null, 1)}`).toEqual([]);
    const { error } = all.outcome;
    const end = error === '' ? 'ran' : (error.split(/[:(]/)[0] ?? '').slice(0, 60);
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if ((seed - first + 1) % 500 === 0) console.log(`${seed - first + 1} of ${count}`);
  }
  const sorted = [...ends].sort(([, one], [, other]) => other - one);
  console.log(sorted.map(([end, times]) => `${times} × ${end}`).join('\n'));
  expect(count < 100 || (ends.get('ran') ?? 0) > count / 10).toBe(true);
});

/** That of the images which are generated some lead out where nothing keeps them in. */
test('without RESOLVE_IN_ROOT some of them lead out', { timeout: 600_000 }, async () => {
  for (let seed = 1; seed < 10_000; seed++) {
    const { entries, options } = hostileImage(seed, canaries, sources);
    if (options.volume === undefined || !JSON.stringify(entries).includes(canaries)) continue;
    const { problems } = await attempt(seed, asOpenDoes);
    if (problems.includes('a canary or the runtime was changed')) return;
  }
  expect.fail('no canary was changed');
});

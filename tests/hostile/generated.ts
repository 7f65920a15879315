/** Where generated images are made, one after the other, and what is looked at when their boxes have ended. */
import {
  chmodSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { compile, type Outcome, scratchDirectory } from './box.ts';
import { buildImage } from './build-image.ts';
import { makeCanaries, picture, runtimePicture } from './canary.ts';
import { type HostileImage, hostileImage } from './hostile-image.ts';

/** A seed of one's own is a run of one's own; without, the images are the same in every run. */
export function firstSeed(count: string | undefined): number {
  const { HOSTILE_SEED } = process.env;
  if (HOSTILE_SEED !== undefined) return Number(HOSTILE_SEED);
  return count === undefined ? 1 : Math.floor(Math.random() * 2 ** 30);
}

export interface Ground {
  readonly canaries: string;
  readonly rootfs: string;
  /** The image of this seed, which is not made. */
  draw(seed: number): HostileImage;
  /** Replaces the image by that of this seed. */
  make(seed: number): HostileImage;
  /** What is wrong with what has been there since `make`. */
  changes(image: HostileImage): string[];
}

/** @param names of the sources of volumes. @param owner of everything: whoever starts the boxes. */
export function makeGround(names: readonly string[], owner: number): Ground {
  const top = scratchDirectory();
  const [canaries, rootfs] = [join(top, 'canaries'), join(top, 'image')];
  makeCanaries(canaries);
  const work = compile('work', top);
  makeSources(top, canaries);
  give(top, owner);
  const sources = names.map((name) => join(top, name));
  const hostFiles = (): string[] => [...picture(canaries), ...runtimePicture()];
  const untouched = hostFiles();
  let before: readonly string[] = [];
  const draw = (seed: number): HostileImage => hostileImage(seed, canaries, sources);
  return {
    canaries,
    rootfs,
    draw,
    make: (seed) => {
      const image = draw(seed);
      rmSync(rootfs, { recursive: true, force: true });
      mkdirSync(join(rootfs, 'bin'), { recursive: true });
      copyFileSync(work, join(rootfs, 'bin/work'));
      buildImage(rootfs, image.entries);
      give(rootfs, owner);
      before = picture(rootfs);
      return image;
    },
    changes: ({ options }) => [
      ...(options.writable === true ? [] : difference('the image', before, picture(rootfs))),
      ...difference('a canary or the runtime', untouched, hostFiles()),
    ],
  };
}

function difference(what: string, before: readonly string[], after: readonly string[]): string[] {
  const changed = after.filter((line) => !before.includes(line));
  if (changed.length === 0 && after.length === before.length) return [];
  return [`${what} was changed: ${changed.join('\n')}`];
}

function makeSources(top: string, canaries: string): void {
  mkdirSync(join(top, 'source/directory/a/b'), { recursive: true });
  writeFileSync(join(top, 'source/file'), 'volume\n');
  symlinkSync(join(canaries, 'directory'), join(top, 'source/m'));
  symlinkSync(join(canaries, 'directory'), join(top, 'source/a'));
  symlinkSync('file', join(top, 'source/link'));
}

/** Without following a link: it may lead to what must not be changed. */
function give(path: string, owner: number): void {
  // A change of the owner takes set-user-id bits away, also where it changes nothing.
  if (owner === 0) return;
  const facts = lstatSync(path);
  lchownSync(path, owner, owner);
  if (facts.isFile()) chmodSync(path, facts.mode);
  if (facts.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), owner);
}

/** Everything that is wrong with how it ended. */
export function wrong(
  { status, error, stdout, hung, left }: Outcome,
  image: HostileImage,
): string[] {
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

/** The beginning of what tsbox said, to be counted. */
export function kindOfEnd({ error }: Outcome): string {
  return error === '' ? 'ran' : (error.replace(/^tsbox: /, '').split(/[:(]/)[0] ?? '').slice(0, 60);
}

export function tally(ends: readonly string[]): string {
  const times = (end: string): number => ends.filter((each) => each === end).length;
  const sorted = [...new Set(ends)].sort((one, other) => times(other) - times(one));
  return sorted.map((end) => `${times(end)} × ${end}`).join('\n');
}

/**
 * A name on the way to a mount point is exchanged, on another processor and without pause, for a link
 * that leads out of the box (CVE-2021-30465, 2025-31133). HOSTILE_STARTS boxes are started meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tsbox as library } from '../host/library.ts';
import { asOpenDoes } from './attacks.ts';
import {
  compile,
  copyOfBusybox,
  type Options,
  type Planner,
  runHere,
  scratchDirectory,
} from './box.ts';
import { makeCanaries, picture } from './canary.ts';

const starts = Number(process.env.HOSTILE_STARTS ?? 100);
const top = scratchDirectory();
const [rootfs, shared, other] = ['image', 'shared', 'other'].map((name) => join(top, name)) as [
  string,
  string,
  string,
];
const racers: ChildProcess[] = [];

beforeAll(() => {
  const racer = compile('racer', top);
  copyOfBusybox(rootfs);
  for (const directory of [shared, other]) mkdirSync(directory);
  for (const place of [rootfs, shared]) {
    makeCanaries(canariesOf(place));
    mkdirSync(join(place, 'place'));
    symlinkSync(join(canariesOf(place), 'directory'), join(place, 'swap'));
    racers.push(spawn(racer, [join(place, 'place'), join(place, 'swap')]));
  }
});
afterAll(() => {
  for (const racer of racers) racer.kill('SIGKILL');
});

const canariesOf = (place: string): string => `${place}-canaries`;

const places: readonly [string, string, Options][] = [
  ['a volume shared with others', shared, { volume: [`${shared}:/m`, `${other}:/m/place/made`] }],
  ['a writable image', rootfs, { writable: true, volume: [`${other}:/place/made`] }],
  ['an image that changes', rootfs, { tmpfs: ['/place/made/deep'] }],
];

/** @returns how many boxes were started before a canary changed, and how many of them ran. */
async function race(
  place: string,
  options: Options,
  planner: Planner,
): Promise<{ tries: number; ran: number }> {
  const before = picture(canariesOf(place));
  let ran = 0;
  for (let tries = 0; tries < starts; tries++) {
    const outcome = await runHere(rootfs, ['true'], options, planner);
    expect(outcome).toMatchObject({ hung: false, left: [] });
    expect(outcome.error).toMatch(/^$|^(openat2|mkdirat|move_mount) failed: E/);
    if (outcome.error === '') ran++;
    if (picture(canariesOf(place)).join() !== before.join()) return { tries, ran };
  }
  return { tries: starts, ran };
}

test.each(places)(
  'swapped mount target: %s leads nowhere else',
  { timeout: 600_000 },
  async (_, place, options) => {
    const { tries, ran } = await race(place, options, library.planContainer);
    expect(tries).toBe(starts);
    // Some find the directory and some the link: it was a race.
    expect(ran).toBeGreaterThan(0);
    expect(racers.map(({ exitCode }) => exitCode)).toEqual([null, null]);
  },
);

test.each(places.slice(0, 2))(
  'swapped mount target: %s leads out without RESOLVE_IN_ROOT',
  { timeout: 600_000 },
  async (_, place, options) => {
    const { tries } = await race(place, options, (...of) =>
      asOpenDoes(library.planContainer(...of), ...of),
    );
    expect(tries).toBeLessThan(starts);
  },
);

/**
 * Micro-VMs of generated images, for root and for an ordinary user, and containers of that user, as
 * generated.test.ts has containers of root's: HOSTILE_MACHINES of each, and ten times as many
 * containers, from HOSTILE_SEED on. What is refused whatever the image is, is left out.
 */
import { chownSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { program, traces } from '../host/tsbox.ts';
import { flagsOf, type Outcome, runByProgram, scratchDirectory } from './box.ts';
import { firstSeed, kindOfEnd, makeGround, tally, wrong } from './generated.ts';

const { HOSTILE_MACHINES } = process.env;
const machines = Number(HOSTILE_MACHINES ?? 6);
const first = firstSeed(HOSTILE_MACHINES);

const USER = 1234;
const runtime = join(scratchDirectory(), 'run');
for (const directory of [runtime, join(runtime, 'tsbox'), join(runtime, 'tsbox/boxes')]) {
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, USER, USER);
}

const setpriv = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
/** Where the user can keep what machines are made from. */
const data = join(scratchDirectory(), 'data');
mkdirSync(data);
chownSync(data, USER, USER);
symlinkSync(join(dataDirectory(process.env, 0), 'kernels'), join(data, 'kernels'));
const asUser = [...setpriv, 'env', `XDG_RUNTIME_DIR=${runtime}`, `TSBOX_DATA=${data}`, program];

/** As for a container, and what is in the runtime directory of the user. */
const onHost = () => {
  const user = readdirSync(runtime, { recursive: true, encoding: 'utf8' }).sort();
  // What QEMU can do is found out once.
  return { ...traces(), user: user.filter((name) => name !== 'tsbox/qemus.json') };
};

test.each([
  { what: 'micro-VMs of root', count: machines, vm: ['--vm'], owner: 0, by: [program] },
  { what: 'micro-VMs of a user', count: machines, vm: ['--vm'], owner: USER, by: asUser },
  { what: 'containers of a user', count: machines * 10, vm: [], owner: USER, by: asUser },
])(
  `$count $what, of generated images from seed ${first} on`,
  {
    timeout: 3_600_000,
  },
  ({ count, vm, owner, by }) => {
    const ground = makeGround(['source', 'source/directory'], owner);
    const ends: string[] = [];
    for (let seed = first; seed < first + count; seed++) {
      const image = ground.make(seed);
      const { userns, device, ...options } = image.options;
      const before = onHost();
      const flags = [...vm, ...flagsOf(options)];
      const outcome: Outcome = runByProgram(ground.rootfs, image.command, flags, by);
      const problems = [...wrong(outcome, image), ...ground.changes(image)];
      expect(problems, `seed ${seed}: ${JSON.stringify({ image, outcome }, null, 1)}`).toEqual([]);
      expect(onHost(), `seed ${seed}`).toEqual(before);
      ends.push(kindOfEnd(outcome));
    }
    console.log(tally(ends));
    expect(count < 5 || ends.includes('ran')).toBe(true);
  },
);

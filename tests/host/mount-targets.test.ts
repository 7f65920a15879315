/**
 * Where mounts go when the image, or someone who changes a directory meanwhile, is hostile: nothing
 * outside the root is written or mounted over (CVE-2019-16884, 2019-19921, 2021-30465, 2023-27561,
 * 2023-28642, 2024-45310, 2025-31133, 2025-52565, 2025-52881; crun CVE-2019-18837).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errnoNumber } from '../../src/abi/errno.ts';
import { compile } from './programs.ts';
import { eachLeavesNothing, type Result, starter, through, tsbox, under } from './tsbox.ts';

const exchange = compile('exchange');
const byPaths = { paths: under(compile('refuse-calls'), String(errnoNumber('ENOSYS'))) };
const byDescriptors = { descriptors: through() };
/** So that the suite takes no longer than needed, one user goes each way. */
const ways: Readonly<Record<string, readonly string[]>> = {
  ...(starter.ids === 'subordinate' ? {} : byDescriptors),
  ...(starter.ids === 'one' ? {} : byPaths),
};

let scratch: string;
let canary: string;
let image: string;
let calm: string;
beforeAll(() => {
  scratch = mkdtempSync('/tmp/mount-targets-');
  chmodSync(scratch, 0o755);
  canary = join(scratch, 'canary');
  mkdirSync(join(canary, 'directory'), { recursive: true });
  writeFileSync(join(canary, 'file'), 'as it was\n');
  mkdirSync(join(scratch, 'source'));
  writeFileSync(join(scratch, 'source/file'), 'mounted\n');
  calm = stateOfCanary();
});
beforeEach(() => {
  image = join(scratch, 'image');
  mkdirSync(image);
  execFileSync('cp', ['-a', `${starter.image}/.`, image]);
});
afterEach(() => {
  rmSync(image, { recursive: true });
  expect(stateOfCanary()).toBe(calm);
});
afterAll(() => rmSync(scratch, { recursive: true }));
eachLeavesNothing();

/** Names, kinds, owners, modes, times of change and contents. */
function stateOfCanary(): string {
  const script = 'find . -printf "%p %y %m %U %C@ %l\n" | sort; cat file';
  return execFileSync('sh', ['-c', script], { cwd: canary, encoding: 'utf8' });
}

test('a change of the canary would be seen', () => {
  writeFileSync(join(canary, 'file'), 'as it was\n');
  expect(stateOfCanary()).not.toBe(calm);
  calm = stateOfCanary();
});

/** Where /proc is exchanged meanwhile, a few tries are needed. */
const showMounts =
  'for i in 1 2 3 4 5 6 7 8 9; do cat /proc/self/mountinfo || cat /exchanged/self/mountinfo || continue; exit 0; done; exit 1';

function run(way: readonly string[], ...flags: string[]): Result {
  const words = ['run', '--userns=host', ...flags, '--rootfs', image, '--', 'sh', '-c', showMounts];
  return tsbox(words, '', process.env, way);
}

/** Either the box was refused, or what was to be mounted is in it. */
function expectInside({ status, stdout, stderr }: Result, mounted: RegExp): void {
  if (status === 0) expect(stdout).toMatch(mounted);
  else
    expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringMatching(/^tsbox: /) });
}

/** Replaces what the image has at a path. */
function plant(path: string, what: (at: string) => void): void {
  const at = join(image, path);
  rmSync(at, { recursive: true, force: true });
  mkdirSync(join(at, '..'), { recursive: true });
  what(at);
}

const link = (target: () => string) => (at: string) => symlinkSync(target(), at);
const kernelPlaces: Record<string, (at: string) => void> = {
  'a link to the host': link(() => join(canary, 'directory')),
  'a link upwards': link(() => `../../../../../../..${canary}/directory`),
  'a link to a link': (at) => {
    rmSync(`${at}.next`, { force: true });
    symlinkSync(join(canary, 'directory'), `${at}.next`);
    symlinkSync(`${at.split('/').at(-1)}.next`, at);
  },
  'a link to a magic link': link(() => `/proc/self/root${canary}/directory`),
  'a link to a descriptor': link(() => '/proc/self/fd/3'),
  'a link to itself': (at) => symlinkSync(at.split('/').at(-1) as string, at),
  'a file': (at) => writeFileSync(at, ''),
};

describe.each(Object.entries(ways))('by %s', (_, way) => {
  describe.each(['proc', 'sys', 'dev'])('/%s of the image is', (place) => {
    test.each(Object.entries(kernelPlaces))('%s: refused', (_kind, what) => {
      for (const layer of [[], ['--writable']]) {
        plant(place, what);
        const result = run(way, ...layer);
        expect(result).toMatchObject({ status: 125, stdout: '' });
        expect(result.stderr).toMatch(/^tsbox: openat2 failed: E(LOOP|NOTDIR|NOENT)/);
      }
    });

    test('a directory with files: covered by the kernel’s own', () => {
      plant(`${place}/self/mountinfo`, (at) => writeFileSync(at, 'planted'));
      const { stdout, status } = run(way);
      const type = { proc: 'proc', sys: 'sysfs', dev: 'tmpfs' }[place];
      expect(stdout).toMatch(new RegExp(` / /${place} \\S+ - ${type} `));
      expect(stdout).not.toContain('planted');
      expect(status).toBe(0);
    });

    test('not there: made', () => {
      rmSync(join(image, place), { recursive: true });
      expect(run(way).status).toBe(0);
    });
  });

  const targets: Record<string, () => string> = {
    'the host': () => join(canary, 'directory'),
    'the host, where nothing is': () => join(canary, 'new'),
    upwards: () => `../../../../../../..${canary}/directory`,
    'the kernel’s files': () => '/proc/sys',
    'a magic link': () => `/proc/1/root${canary}/directory`,
    'a magic link of a descriptor': () => `/dev/fd/3${canary}/directory`,
    'the root of the box': () => '/',
    nowhere: () => '/no/such/place',
  };

  describe.each(Object.entries(targets))('a link in the image to %s', (_kind, target) => {
    test.each([
      ['is the place', '/link'],
      ['is on the way to it', '/link/new/deep'],
    ])('%s of a volume, a file and a tmpfs', (_where, place) => {
      const mounts: [string[], RegExp][] = [
        [['-v', `${scratch}/source:${place}`], / \/\S*\/source \//],
        [['-v', `${scratch}/source/file:${place}`], / \/\S*\/source\/file \//],
        [['--tmpfs', `${place}:size=31k`], /size=3[12]k/],
      ];
      for (const [flags, mounted] of mounts) {
        plant('link', link(target));
        expectInside(run(way, '--writable', ...flags), mounted);
      }
    });
  });

  describe('while another process exchanges', () => {
    let racer: ChildProcess | undefined;
    const race = async (one: string, other: string): Promise<void> => {
      racer = spawn(exchange, [one, other], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((settle) => racer?.stdout?.once('data', settle));
    };
    afterEach(() => {
      expect(racer?.exitCode).toBe(null);
      racer?.kill('SIGKILL');
    });
    const times = starter.user === 0 ? 8 : 2;

    test.each(['/target', '/target/new/deep'])(
      '%s of the image and a link to the host',
      async (place) => {
        plant('target', (at) => mkdirSync(at));
        chownSync(join(image, 'target'), starter.user, starter.user);
        plant(
          'exchanged',
          link(() => canary),
        );
        await race(join(image, 'target'), join(image, 'exchanged'));
        for (let turn = 0; turn < times; turn++)
          expectInside(run(way, '--writable', '-v', `${scratch}/source:${place}`), /\/source \//);
      },
    );

    test('a file of the image and a link to one of the host', async () => {
      plant('target', (at) => writeFileSync(at, ''));
      plant(
        'exchanged',
        link(() => join(canary, 'file')),
      );
      await race(join(image, 'target'), join(image, 'exchanged'));
      const volume = `${scratch}/source/file:/target`;
      for (let turn = 0; turn < times; turn++)
        expectInside(run(way, '--writable', '-v', volume), /\/source\/file \//);
    });

    test.each(['/v/target', '/v/target/new/deep'])(
      '%s of a volume and a link to the host',
      async (place) => {
        const volume = join(scratch, 'volume');
        rmSync(volume, { recursive: true, force: true });
        mkdirSync(join(volume, 'target'), { recursive: true });
        for (const each of ['', 'target'])
          chownSync(join(volume, each), starter.user, starter.user);
        symlinkSync(canary, join(volume, 'exchanged'));
        await race(join(volume, 'target'), join(volume, 'exchanged'));
        const flags = ['-v', `${volume}:/v`, '-v', `${scratch}/source:${place}`];
        for (let turn = 0; turn < times; turn++) expectInside(run(way, ...flags), /\/source \//);
      },
    );

    test('/proc and another directory: what is masked is masked, wherever it went', async () => {
      plant('exchanged/sys', (at) => mkdirSync(at, { recursive: true }));
      plant('exchanged/keys', (at) => writeFileSync(at, ''));
      plant('proc/sys', (at) => mkdirSync(at, { recursive: true }));
      await race(join(image, 'proc'), join(image, 'exchanged'));
      for (let turn = 0; turn < times; turn++) {
        const result = run(way, '--writable');
        expectInside(result, / \/ \/(proc|exchanged) \S+ - proc /);
        if (result.status !== 0) continue;
        // Its names change while they are read: what is mounted in it is told by its number.
        const number = /^(\d+) \d+ \S+ \/ \S+ \S+ - proc /m.exec(result.stdout)?.[1];
        const inIt = (what: string) => new RegExp(`^\\d+ ${number} \\S+ ${what} \\S+ ro,`, 'm');
        expect(result.stdout).toMatch(inIt('/sys'));
        expect(result.stdout).toMatch(inIt('/irq'));
        expect(result.stdout.match(new RegExp(inIt('/null'), 'gm'))?.length).toBeGreaterThan(1);
      }
    });
  });
});

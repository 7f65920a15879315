/**
 * What a seccomp filter costs: the start of a container by the library, with tsbox's own profile, with
 * one from the cache, and without, by turns; and the compilation of a profile. Medians, in milliseconds.
 *
 *   npm run build && sudo sh scripts/with-node bench/seccomp.ts [ROUNDS]
 */
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as library from '../src/index.ts';
import type * as make from '../src/seccomp/make.ts';
import type { Seccomp } from '../src/spec/seccomp.ts';

const dist = new URL('../dist/', import.meta.url);
const tsbox: typeof library = await import(new URL('index.js', dist).href);
const { makeFilter }: typeof make = createRequire(import.meta.url)(
  new URL('seccomp.cjs', dist).pathname,
);

const rounds = Number(process.argv[2] ?? 300);
const facts = tsbox.imageFacts(
  tsbox.findImage('busybox', tsbox.dataDirectory(process.env, 0), '/'),
);
const caller = { env: {}, cwd: '/', findDevices: () => [], ids: tsbox.plainRoot };
const request = tsbox.specFromOptions(
  { ...tsbox.noOptions, command: ['/bin/true'] },
  facts,
  caller,
);
const { seccomp, ...linux } = request.spec.linux;
const given: Seccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'reboot'], action: 'SCMP_ACT_ERRNO' }],
};

const null_ = openSync('/dev/null', 'r+');
const stdio = { stdin: null_, stdout: null_, stderr: null_ };

async function start(profile: Seccomp | 'default' | undefined): Promise<number> {
  const own = profile === undefined ? linux : { ...linux, seccomp: profile };
  const began = performance.now();
  const box = await tsbox.startContainer(
    { ...request, spec: { ...request.spec, linux: own } },
    stdio,
    new tsbox.Timeline(),
    () => undefined,
  );
  const took = performance.now() - began;
  await box.wait(20);
  return took;
}

const directory = mkdtempSync(join(tmpdir(), 'tsbox-bench-'));
let compiled = 0;

/** A profile that was never compiled before, as large as tsbox's own. */
function compile(): number {
  const path = join(directory, String(compiled++));
  const began = performance.now();
  makeFilter('default', process.arch === 'arm64' ? 'arm64' : 'x64', ['CAP_SYS_ADMIN'], path);
  return performance.now() - began;
}

const subjects: readonly (readonly [string, () => Promise<number> | number])[] = [
  ['start of a container without a filter', () => start(undefined)],
  ["… with tsbox's own", () => start('default')],
  ['… with a small one from the cache', () => start(given)],
  ['compilation of a large one', compile],
];
const times = subjects.map((): number[] => []);
for (let round = -20; round < rounds; round++)
  for (const [index, [, measure]] of subjects.entries()) {
    const took = await measure();
    if (round >= 0) times[index]?.push(took);
  }
rmSync(directory, { recursive: true });
for (const [index, [name]] of subjects.entries()) {
  const sorted = (times[index] ?? []).toSorted((one, other) => one - other);
  process.stdout.write(
    `${name.padEnd(40)} ${sorted[Math.floor(sorted.length / 2)]?.toFixed(3)} ms\n`,
  );
}

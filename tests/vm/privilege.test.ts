/** Left-over privilege in a guest: as in a container (tests/host/privilege.test.ts), where its kernel has all. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { compileProbe, readProbe } from '../host/probe.ts';
import { eachLeavesNothing, tsbox } from '../host/tsbox.ts';

const scratch = mkdtempSync(`${tmpdir()}/vm-test-`);
afterAll(() => rmSync(scratch, { recursive: true }));
chmodSync(scratch, 0o755);
compileProbe(scratch);

eachLeavesNothing();

const vm = (script: string, flags: string) =>
  tsbox(['run', '--vm', ...flags.split(' '), 'busybox', '--', 'sh', '-c', script]).stdout;
const setsOf = (status: string) =>
  [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t(\w+)$/gm)].map(([, set]) => set);

const none = '0000000000000000';
const all = '000001ffffffffff';
const netAdmin = '0000000000001000';

test.each<[string, string[]]>([
  ['--cap-add ALL --oom-score-adj -500', [none, all, all, all, none]],
  ['-u 1000:5 --cap-drop ALL --cap-add NET_ADMIN --group-add 77', Array(5).fill(netAdmin)],
])('capabilities, groups, OOM score and cores with %s', (flags, sets) => {
  const stdout = vm('cat /proc/self/status /proc/self/oom_score_adj /proc/self/limits', flags);
  expect(setsOf(stdout)).toEqual(sets);
  expect(stdout).toMatch(/^NoNewPrivs:\t1$/m);
  expect(stdout).toMatch(flags.includes('77') ? /^Groups:\t77 $/m : /^Groups:\t $/m);
  expect(stdout).toMatch(flags.includes('-500') ? /^-500$/m : /^0$/m);
  expect(stdout).toMatch(/^Max core file size +1 +1 +bytes/m);
});

test('keys and masks are its own', () => {
  const stdout = vm(
    '/p/probe; ls /etc',
    `-u 1000 -v ${scratch}:/p:ro --security-opt mask=/etc --security-opt seccomp=unconfined`,
  );
  expect(Number(readProbe(stdout).keyring)).toBeGreaterThan(0);
  expect(readProbe(stdout)).toMatchObject({ securebits: '0', dumpable: '1' });
  expect(stdout.split('\n').filter((line) => line !== '')).toHaveLength(6);
});

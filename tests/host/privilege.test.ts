/**
 * Left-over privilege (the class of CVE-2022-29162 and crun's CVE-2022-27650), seen from inside:
 * capabilities, groups, keys, cores, and what keeps the box's processes apart from others.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import type { ContainerPlan } from '../../src/index.ts';
import { tsbox as library, request, runContainer } from './library.ts';
import { compileProbe, readProbe } from './probe.ts';
import { shell, tsbox } from './tsbox.ts';

const scratch = mkdtempSync(`${tmpdir()}/tsbox-test-`);
afterAll(() => rmSync(scratch, { recursive: true }));
chmodSync(scratch, 0o755);
const probe = compileProbe(scratch);
const volume = ['-v', `${scratch}:/p:ro`];

const ordinary = '00000000a80425fb';
const none = '0000000000000000';
const netAdmin = '0000000000001000';

/** The five sets: inheritable, permitted, effective, bounding, ambient. */
const setsOf = (status: string) =>
  [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t(\w+)$/gm)].map(([, set]) => set);

test.each<[string, string[]]>([
  ['', [none, ordinary, ordinary, ordinary, none]],
  ['-u 1000:1000', [none, none, none, ordinary, none]],
  ['--cap-drop ALL', [none, none, none, none, none]],
  ['--cap-drop ALL -u 1000', [none, none, none, none, none]],
  ['--cap-drop ALL --cap-add NET_ADMIN', [none, netAdmin, netAdmin, netAdmin, none]],
  ['--cap-drop all --cap-add net_admin -u 1000', Array(5).fill(netAdmin)],
  ['--cap-add CAP_NET_ADMIN -u 1000', [netAdmin, netAdmin, netAdmin, '00000000a80435fb', netAdmin]],
  ['--userns=auto', [none, ordinary, ordinary, ordinary, none]],
  ['--userns=auto -u 1000', [none, none, none, ordinary, none]],
])('capabilities with %j, and after another execve', (flags, sets) => {
  const words = flags.split(' ').filter((word) => word !== '');
  const { stdout } = shell('cat /proc/self/status; cat /proc/1/status', ...words);
  expect(setsOf(stdout)).toEqual([...sets, ...sets]);
  expect(stdout.match(/^NoNewPrivs:\t1$/gm)).toHaveLength(2);
});

test('--cap-add ALL is what tsbox itself may pass on; more is refused by name', () => {
  const own = /^CapBnd:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const { stdout } = shell('cat /proc/self/status', '--cap-add', 'ALL');
  expect(setsOf(stdout)).toEqual([none, own, own, own, none]);
  const lacks = (BigInt(`0x${own}`) >> 24n) % 2n === 0n;
  const { stderr } = shell('true', '--cap-add', 'SYS_RESOURCE');
  expect(stderr).toContain(lacks ? 'does not have it in its own bounding set' : '');
});

test.each<[string, string]>([
  ['', ''],
  ['-u 1000:1000', ''],
  ['-u 1000:1000 --group-add 77 --group-add tty', '5 77'],
])('groups with %j: none of the caller’s', (flags, groups) => {
  // Group 4242 is the caller's; setpriv(1) gives it.
  const words = flags.split(' ').filter((word) => word !== '');
  const { stdout } = tsbox(
    ['run', ...words, 'busybox', '--', 'grep', 'Groups', '/proc/self/status'],
    '',
    process.env,
    ['setpriv', '--groups', '4242', new URL('../../bin/tsbox', import.meta.url).pathname],
  );
  expect(stdout.trim()).toBe(`Groups:\t${groups}`.trim());
});

test.each(['', '-u 1000', '--userns=auto'])('a session keyring of its own, with %j', (flags) => {
  const words = flags.split(' ').filter((word) => word !== '');
  const outside = readProbe(execFileSync(probe, { encoding: 'utf8' }));
  const { stdout } = tsbox([
    'run',
    ...words,
    ...volume,
    // The ordinary profile refuses keyctl(2).
    '--security-opt',
    'seccomp=unconfined',
    'busybox',
    '--',
    '/p/probe',
  ]);
  const inside = readProbe(stdout);
  expect(Number(inside.keyring)).toBeGreaterThan(0);
  expect(inside.keyring).not.toBe(outside.keyring);
  expect(inside).toMatchObject({ securebits: '0', dumpable: '1' });
});

test('cores are off unless --ulimit core says otherwise', () => {
  const limit = (...flags: string[]) => shell('grep core /proc/self/limits', ...flags).stdout;
  expect(limit()).toMatch(/^Max core file size +1 +1 +bytes/);
  expect(limit('--ulimit', 'core=0:4096')).toMatch(/^Max core file size +0 +4096 +bytes/);
});

test.each(['', '--userns=auto'])('--oom-score-adj, with %j', (flags) => {
  const words = flags.split(' ').filter((word) => word !== '');
  expect(shell('cat /proc/1/oom_score_adj', '--oom-score-adj', '321', ...words).stdout).toBe(
    '321\n',
  );
});

test('an OOM score that tsbox may not give is refused with the reason', () => {
  const own = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const may = (BigInt(`0x${own}`) >> 24n) % 2n === 1n;
  const { status, stderr } = shell('true', '--oom-score-adj', '-1000');
  expect(status).toBe(may ? 0 : 125);
  expect(stderr).toContain(may ? '' : 'needs CAP_SYS_RESOURCE on the host');
});

type Request = ReturnType<typeof request>;
const withFields = (
  box: Request,
  process: object,
  linux: object = {},
): ReturnType<typeof request> => ({
  ...box,
  spec: {
    ...box.spec,
    process: { ...box.spec.process, ...process },
    linux: { ...box.spec.linux, ...linux },
  },
});

test('priorities, scheduler and personality of a specification', async () => {
  const line = '/p/probe >/p/out';
  const box = request(['sh', '-c', line], { volume: [`${scratch}:/p`] });
  await runContainer(
    withFields(
      box,
      {
        ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
        scheduler: { policy: 'SCHED_BATCH', nice: 3 },
      },
      { personality: { domain: 'LINUX32' } },
    ),
  );
  expect(readProbe(readFileSync(`${scratch}/out`, 'utf8'))).toMatchObject({
    ioprio: String((2 << 13) | 6),
    scheduler: '3',
    personality: '8',
  });
});

/** The plan up to the workload; then it ends with what prctl(PR_GET_DUMPABLE) says. */
function endWithDumpable(plan: ContainerPlan): ContainerPlan {
  const steps = plan.sections.flatMap((section) => section.steps);
  const before = steps.filter(({ call }) => call !== 'execve' && call !== 'close_range');
  const number = (value: number) => ({ kind: 'number', value }) as const;
  const ask = { call: 'prctl', args: [number(3)], into: 'dumpable', why: 'test' } as const;
  const end = {
    call: 'exit_group',
    args: [{ kind: 'slot', slot: 'dumpable' }],
    why: 'test',
  } as const;
  return { ...plan, sections: [{ title: 'all', steps: [...before, ask, end] }] };
}

test('until the workload is executed its process is not dumpable', async () => {
  const exit = await runContainer(request(['true']), (...args) =>
    endWithDumpable(library.planContainer(...args)),
  );
  expect(exit).toEqual({ kind: 'exited', code: 0 });
});

test('where /proc of the image is a link, nothing is written through it', () => {
  execFileSync('sh', [
    '-c',
    `mkdir -p ${scratch}/i && cp -a /var/lib/tsbox/images/busybox/. ${scratch}/i && rmdir ${scratch}/i/proc && mkdir -p ${scratch}/i/fake/self && touch ${scratch}/i/fake/self/oom_score_adj && ln -s fake ${scratch}/i/proc`,
  ]);
  const { status } = tsbox([
    'run',
    '--writable',
    '--oom-score-adj',
    '5',
    '--rootfs',
    `${scratch}/i`,
    '--',
    'true',
  ]);
  expect(status).toBe(125);
  expect(readFileSync(`${scratch}/i/fake/self/oom_score_adj`, 'utf8')).toBe('');
});

test('mask and unmask', () => {
  const script = 'ls /etc; cat /proc/keys | wc -c; echo 1 2>&1 >/proc/sys/kernel/ostype';
  const { stdout } = shell(
    script,
    '--security-opt',
    'mask=/etc',
    '--security-opt',
    'unmask=/proc/keys:/proc/sys',
  );
  expect(stdout).toMatch(/^[1-9]\d*\n/);
  expect(stdout).not.toContain('Read-only');
});

const modules = tsbox(['doctor', '--json']).stdout;
const walled = /"Landlock",\s*"status": "ok"/.test(modules);

/** A box that shares a namespace with the host, so that Landlock alone keeps them apart. */
const without = (type: string, box: Request) =>
  withFields(
    box,
    {},
    { namespaces: box.spec.linux.namespaces.filter((each) => each.type !== type) },
  );

test.runIf(walled)(
  'abstract sockets of the host are out of reach even in its network namespace',
  async () => {
    const name = `tsbox-test-${process.pid}`;
    const server = createServer((socket) => socket.end()).listen(`\0${name}`);
    const line = `/p/probe ${name} >/p/out`;
    await runContainer(
      without(
        'network',
        // No sysfs can be mounted in a user namespace that does not own the network.
        request(['sh', '-c', line], { userns: 'host', volume: [`${scratch}:/p`] }),
      ),
    );
    const EPERM = '1';
    expect(readProbe(readFileSync(`${scratch}/out`, 'utf8')).socket).toBe(EPERM);
    expect(readProbe(execFileSync(probe, [name], { encoding: 'utf8' })).socket).toBe('0');
    server.close();
  },
);

test.runIf(walled)(
  'even with every capability and the host’s /proc no process of the host is entered',
  async () => {
    const line = `ls /proc/${process.pid}/root/ >/p/out 2>&1; ls /proc/self/root/ >/p/own; mount -t tmpfs x /tmp && touch /p/mounted`;
    const box = request(['sh', '-c', line], {
      userns: 'host',
      volume: [`${scratch}:/p`],
      capAdd: ['SYS_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH'],
    });
    await runContainer(without('pid', box));
    expect(readFileSync(`${scratch}/out`, 'utf8')).toMatch(/Permission denied/);
    expect(readFileSync(`${scratch}/own`, 'utf8')).toMatch(/^bin$/m);
    expect(readFileSync(`${scratch}/mounted`, 'utf8')).toBe('');
  },
);

test.each(['apparmor=tsbox-none', 'label=type:container_t'])(
  '%s is set, or refused with the reason',
  (word) => {
    const { status, stderr } = shell('true', '--security-opt', word);
    if (status === 0) return;
    expect(status).toBe(125);
    expect(stderr).toMatch(/is not enabled on this host|exec/);
  },
);

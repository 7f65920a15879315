/** Hooks of an OCI configuration: when each is executed, where, as whom, and what comes of failures. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { bundleDirectory, config, type Json, rootfs, run, script } from './bundle.ts';
import { eachLeavesNothing } from './tsbox.ts';

eachLeavesNothing();

const kinds = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
type Kind = (typeof kinds)[number];

/** Where all of them can write: in the box it is at another path. */
const records = join(rootfs, 'records');
beforeEach(() => {
  rmSync(records, { recursive: true, force: true });
  mkdirSync(records);
  chmodSync(records, 0o777);
});

function hook(kind: Kind, text: string, more: Json = {}): Json {
  const place = kind === 'startContainer' ? '/records' : records;
  const args = ['sh', '-c', text, kind];
  return { path: '/bin/sh', args, env: [`RECORDS=${place}`, 'PATH=/bin:/usr/bin'], ...more };
}

/** It tells of itself in a file of its name, and all of them in one after the other. */
const tell = `
  echo $0 >>$RECORDS/order
  cat >$RECORDS/$0.state
  { for each in mnt net pid uts; do readlink /proc/self/ns/$each; done
    grep -E '^(Uid|CapEff|Seccomp|NoNewPrivs):' /proc/self/status; env | sort; } >$RECORDS/$0`;

const record = (name: string) => readFileSync(join(records, name), 'utf8');
const linesOf = (name: string) => record(name).trim().split('\n');
const links = (name: string) => linesOf(name).slice(0, 4);
const hooksOf = (make: (kind: Kind) => readonly Json[]): Json => ({
  hooks: Object.fromEntries(kinds.map((kind) => [kind, make(kind)])),
});

const workload = script(
  'echo workload >>/records/order; for each in mnt net pid uts; do readlink /proc/self/ns/$each; done >/records/box; sleep 0.3',
);

test('each is executed at its time, in its namespaces, with the state', () => {
  const { status, stdout, stderr } = run(
    config(
      hooksOf((kind) => [hook(kind, tell)]),
      workload,
      { annotations: { 'com.example.key': 'value' }, hostname: 'box' },
    ),
  );
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  const order = linesOf('order');
  expect(order.filter((name) => name !== 'workload')).toEqual([...kinds]);
  expect(order.indexOf('workload')).toBe(
    order.includes('workload') ? Math.max(4, order.indexOf('workload')) : -1,
  );
  const host = links('prestart');
  for (const kind of ['createRuntime', 'poststart', 'poststop'] as const)
    expect([kind, links(kind)]).toEqual([kind, host]);
  const box = linesOf('box');
  for (const kind of ['createContainer', 'startContainer'] as const)
    expect([kind, links(kind)]).toEqual([kind, box]);
  expect(box.filter((link) => host.includes(link))).toEqual([]);

  const states = kinds.map((kind) => JSON.parse(record(`${kind}.state`)));
  expect(states.map(({ status: word }) => word)).toEqual([
    'creating',
    'creating',
    'creating',
    'created',
    'running',
    'stopped',
  ]);
  expect(new Set(states.map(({ id }) => id)).size).toBe(1);
  const { pid } = states[0];
  expect(pid).toBeGreaterThan(1);
  expect(states.map((state) => state.pid)).toEqual([pid, pid, 1, 1, pid, undefined]);
  for (const state of states)
    expect(state).toMatchObject({
      ociVersion: expect.stringMatching(/^1\./),
      bundle: bundleDirectory,
      annotations: { 'com.example.key': 'value' },
    });
});

test('startContainer has the rights of the workload, the others those of tsbox', () => {
  const caps = ['CAP_KILL'];
  const { status, stderr } = run(
    config(
      hooksOf((kind) => [hook(kind, tell)]),
      {
        process: {
          user: { uid: 1000, gid: 1000 },
          capabilities: {
            bounding: caps,
            permitted: caps,
            effective: caps,
            inheritable: caps,
            ambient: caps,
          },
        },
        linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
      },
      { process: { args: ['/bin/true'] } },
    ),
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(record('startContainer')).toMatch(
    /Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0{14}20\nNoNewPrivs:\t1\nSeccomp:\t2\n/,
  );
  expect(record('createContainer')).toMatch(/Uid:\t0\t0\t0\t0\n/);
});

test('a hook has the environment that it is given, and no other', () => {
  run(
    config(
      hooksOf((kind) => [
        hook(kind, tell, {
          env: ['A=1', `RECORDS=${kind === 'startContainer' ? '/records' : records}`],
        }),
      ]),
    ),
  );
  for (const kind of kinds) {
    const names = linesOf(kind)
      .filter((line) => /^\w+=/.test(line))
      .map((line) => line.split('=')[0]);
    expect(
      names.filter(
        (name) => !['PATH', 'PWD', 'SHLVL', '_', 'OLDPWD', 'A', 'RECORDS'].includes(name ?? ''),
      ),
    ).toEqual([]);
    expect(names).toContain('A');
  }
});

test('several of a kind are executed in their order', () => {
  const one = (name: string) => (kind: Kind) => hook(kind, `echo ${name} >>$RECORDS/$0`);
  run(config(hooksOf((kind) => [one('first')(kind), one('second')(kind)])));
  for (const kind of kinds) expect(record(kind)).toBe('first\nsecond\n');
});

const ending = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
] as const;

/** All tell of themselves, and this one does what it is told besides. */
const withOne = (which: Kind, text: string, more: Json = {}) =>
  hooksOf((kind) =>
    kind === which
      ? [
          hook(kind, `echo $0 >>$RECORDS/order; ${text}`, more),
          hook(kind, 'echo more >>$RECORDS/order'),
        ]
      : [hook(kind, 'echo $0 >>$RECORDS/order')],
  );

test.each(ending)('%s that fails ends the box, and poststop comes after it', (kind) => {
  const { status, stderr } = run(
    config(withOne(kind, 'echo what is wrong >&2; exit 3'), script('sleep 1000')),
  );
  expect(status).toBe(125);
  expect(stderr).toBe(`tsbox: hooks.${kind}[0]: /bin/sh: exit status 3; it said: what is wrong\n`);
  expect(linesOf('order')).toEqual([...kinds.slice(0, kinds.indexOf(kind) + 1), 'poststop']);
});

test('poststop that fails is told of, and the next is executed; the exit status is the workload’s', () => {
  const { status, stderr } = run(config(withOne('poststop', 'exit 3'), script('exit 7')));
  expect(status).toBe(7);
  expect(stderr).toBe('tsbox: hooks.poststop[0]: /bin/sh: exit status 3\n');
  expect(linesOf('order').slice(-2)).toEqual(['poststop', 'more']);
});

test.each(kinds)('%s that hangs is ended when its time is up, with what it started', (kind) => {
  const { status, stderr } = run(
    config(
      withOne(kind, 'sleep 1000 & echo $! >$RECORDS/child; sleep 1000', { timeout: 1 }),
      script(kind === 'poststop' ? 'exit 7' : 'sleep 1000'),
    ),
  );
  expect(status).toBe(kind === 'poststop' ? 7 : 125);
  expect(stderr).toBe(
    `tsbox: hooks.${kind}[0]: /bin/sh: it did not end within 1 s, and was ended\n`,
  );
});

test.each(kinds)('%s that forks is done when its first process has ended', (kind) => {
  const inside = kind === 'createContainer' || kind === 'startContainer';
  const { status, stderr } = run(
    config(
      withOne(kind, `(setsid sleep ${inside ? 1000 : 2} >/dev/null 2>&1 &) ; exit 0`),
      script('exit 7'),
    ),
  );
  expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
});

test.each(kinds)('%s that is not there is named', (kind) => {
  const { status, stderr } = run(
    config(hooksOf((each) => (each === kind ? [{ path: '/not/there' }] : []))),
  );
  expect(status).toBe(kind === 'poststop' ? 0 : 125);
  expect(stderr).toBe(`tsbox: hooks.${kind}[0]: /not/there: it cannot be executed: ENOENT\n`);
});

test('no descriptor of tsbox’s is in a hook', () => {
  run(config(hooksOf((kind) => [hook(kind, 'ls -l /proc/self/fd >$RECORDS/$0')])));
  for (const kind of kinds) {
    const open = linesOf(kind).filter((line) => /-> /.test(line));
    const others = open.filter(
      (line) => !/ [012] -> .*(memfd:tsbox|records)|-> \/proc\//.test(line),
    );
    expect([kind, others]).toEqual([kind, []]);
  }
  expect(existsSync(join(records, 'startContainer'))).toBe(true);
});

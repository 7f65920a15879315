/** Namespaces, shared memory and volumes of the host and of other boxes: `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--volumes-from`. */
import { spawn } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shell, started, starter, tsbox } from './tsbox.ts';

const types = { '--pid': 'pid', '--ipc': 'ipc', '--uts': 'uts', '--cgroupns': 'cgroup' };
const ids = ['--userns=auto', '--userns=host'];

describe.each(ids)('with %s', (userns) => {
  test.each(Object.entries(types))('%s: the host’s, or its own', (flag, type) => {
    const own = readlinkSync(`/proc/self/ns/${type}`);
    const seen = (mode: string) =>
      shell(`readlink /proc/self/ns/${type}`, userns, flag, mode).stdout.trim();
    expect(seen('host')).toBe(own);
    expect(seen('private')).not.toBe(own);
    expect(seen(`ns:/proc/${process.pid}/ns/${type}`)).toBe(own);
  });

  test('--pid=host: sees all processes, and gets into none', () => {
    const { stdout } = shell(
      `[ -e /proc/${process.pid} ] && echo seen
       for n in root cwd exe fd/0 mem environ; do cat /proc/${process.pid}/$n >/dev/null 2>&1 && echo "open $n"; done
       (echo 1 >/proc/sysrq-trigger) 2>/dev/null && echo sysrq
       (echo 0 >/proc/sys/kernel/panic) 2>/dev/null && echo panic
       head -c 1 /proc/kcore 2>/dev/null | wc -c`,
      userns,
      '--pid=host',
    );
    expect(stdout).toBe('seen\n0\n');
  });

  test('--pid=host: no process of the box outlives its first', async () => {
    const victims = () => readdirSync('/proc').filter((pid) => isMarked(pid)).length;
    const { stdout } = shell(
      'MARK=outlived sleep 1000 & echo left',
      userns,
      '--pid=host',
      '-e',
      'MARK=outlived',
    );
    expect(stdout).toBe('left\n');
    expect(victims()).toBe(0);
  });

  test('--ipc=host: the host’s shared memory; none: none at all', () => {
    const path = `/dev/shm/tsbox-test-${process.pid}`;
    writeFileSync(path, 'host’s', { mode: 0o644 });
    try {
      expect(shell(`cat ${path}`, userns, '--ipc=host').stdout).toBe('host’s');
      expect(shell(`cat ${path}; ls /dev/shm`, userns).stdout).toBe('');
    } finally {
      rmSync(path);
    }
    expect(
      shell('ls -d /dev/shm 2>/dev/null; mount | grep -c /dev/shm', userns, '--ipc=none').stdout,
    ).toBe('0\n');
  });

  test('--uts=host: the host’s name, which cannot be changed', () => {
    const { stdout } = shell(
      'hostname; echo $HOSTNAME; hostname x 2>/dev/null && echo changed',
      userns,
      '--uts=host',
    );
    expect(stdout).toBe(`${hostname()}\n${hostname()}\n`);
  });

  test('--cgroupns=host: its place among all cgroups, to be looked at only', () => {
    const { stdout } = shell(
      'tail -n 1 /proc/self/cgroup; mkdir /sys/fs/cgroup/x 2>/dev/null || echo ro; ls -d /sys/fs/cgroup/tsbox',
      userns,
      '--cgroupns=host',
    );
    expect(stdout).toMatch(/^0::\/tsbox\/[0-9a-f]{12}\/box\nro\n\/sys\/fs\/cgroup\/tsbox\n$/);
  });
});

function isMarked(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes('MARK=outlived');
  } catch {
    return false;
  }
}

/** A box that is running, until it is ended. */
async function box(...flags: string[]) {
  const known = new Set(readdirSync(starter.state));
  const label = `${process.pid}-${Math.random()}`;
  const script = 'echo kept >/dev/shm/f; echo up; exec sleep 1000';
  const args = [
    'run',
    '--hostname',
    'alpha',
    '--label',
    label,
    ...flags,
    'busybox',
    'sh',
    '-c',
    script,
  ];
  const { child, ended } = await started(args, 'up');
  const isIt = (name: string) =>
    name.endsWith('.lock') &&
    !known.has(name) &&
    readFileSync(join(starter.state, name), 'utf8').includes(label);
  const id = () => readdirSync(starter.state).find(isIt)?.slice(0, -'.lock'.length);
  // It is there before the record says so.
  while (id() === undefined) await new Promise((next) => setTimeout(next, 5));
  return { id: id() ?? '', child, ended };
}

describe.each(ids)('a box with %s, and another', (userns) => {
  const directory = mkdtempSync(join(tmpdir(), 'shared-'));
  let one: Awaited<ReturnType<typeof box>>;
  beforeAll(async () => {
    writeFileSync(join(directory, 'file'), 'content');
    one = await box(userns, '-v', `${directory}:/given`, '-v', `${directory}:/fixed:ro`);
  });
  afterAll(async () => {
    one.child.kill('SIGKILL');
    await one.ended;
    rmSync(directory, { recursive: true });
    expect(shell('true').status).toBe(0);
  });
  const joining = (flags: readonly string[], script: string) =>
    shell(
      script,
      ...flags.map((flag) => (flag.startsWith('--') ? `${flag}=container:${one.id}` : flag)),
    );

  test('--pid: sees and signals its processes, with the same ids, and traces none', () => {
    const { stdout } = joining(
      ['--pid'],
      'ps -o comm | sed 1d; kill -0 1 && echo may; ls /proc/1/root/ 2>/dev/null; cat /proc/self/uid_map',
    );
    expect(stdout).toMatch(/^sleep\nsh\n/);
    expect(stdout).toContain('may\n');
    expect(stdout).not.toContain('bin\n');
    const [own] = readFileSync(`/proc/${pidOf(one.id)}/uid_map`, 'utf8').split('\n');
    expect(stdout.trimEnd().split('\n').at(-1)?.trim()).toBe(own?.trim());
  });

  test('--ipc: the same shared memory', () => {
    const flags = ['--ipc', '--pid'];
    expect(
      joining(
        flags,
        'cat /dev/shm/f; echo more >/dev/shm/g; mount | grep -c "/dev/shm.*nosuid,nodev,noexec"',
      ).stdout,
    ).toBe('kept\n1\n');
    expect(joining(flags, 'cat /dev/shm/g; rm /dev/shm/g').stdout).toBe('more\n');
    expect(shell('cat /dev/shm/f').status).not.toBe(0);
  });

  test('--uts and --cgroupns: its name, and its place', () => {
    expect(joining(['--uts'], 'hostname; echo $HOSTNAME').stdout).toBe('alpha\nalpha\n');
    expect(joining(['--cgroupns'], 'tail -n 1 /proc/self/cgroup').stdout).toMatch(
      /^0::\/\.\.\/\.\.\/[0-9a-f]{12}\/box\n$/,
    );
  });

  test('all together, and by the first digits of its id', () => {
    const mode = `container:${one.id.slice(0, 8)}`;
    const flags = Object.keys(types).map((flag) => `${flag}=${mode}`);
    expect(shell('cat /dev/shm/f; hostname; ps | grep -c sleep', ...flags)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^kept\nalpha\n/),
    });
  });

  test('--volumes-from: its volumes, as they are or read-only', () => {
    const tries =
      'cat /given/file; for d in /given /fixed; do touch $d/x 2>/dev/null && echo $d && rm $d/x; done';
    expect(shell(tries, '--volumes-from', one.id).stdout).toBe('content/given\n');
    expect(shell(tries, '--volumes-from', `${one.id}:ro`).stdout).toBe('content');
    expect(shell(tries, '--volumes-from', one.id, '--tmpfs', '/given').stdout).toBe('/given\n');
  });

  test('who shares its processes ends with it', async () => {
    const first = await box(userns);
    const { ended } = await started(
      ['run', `--pid=container:${first.id}`, 'busybox', 'sh', '-c', 'echo up; sleep 1000'],
      'up',
      'ignore',
    );
    first.child.kill('SIGTERM');
    process.kill(pidOf(first.id), 'SIGKILL');
    expect(await ended).toEqual({ code: 137, signal: null });
    await first.ended;
  });
});

function pidOf(id: string): number {
  const record = readFileSync(join(starter.state, `${id}.lock`), 'utf8')
    .split('\n')
    .find((line) => line.startsWith('{'));
  return JSON.parse(record ?? '{}').pid;
}

test.each([...Object.keys(types), '--network'])('%s: a path that leads nowhere', (flag) => {
  const { stderr, status } = tsbox(['run', `${flag}=ns:/nowhere`, 'busybox', '--', 'true']);
  expect(stderr).toMatch(new RegExp(`^tsbox: ${flag}: /nowhere: ENOENT`));
  expect(status).toBe(125);
});

test('what says that it is a box, and is none, is not entered', () => {
  const lock = join(starter.state, 'abcabcabcabc.lock');
  const stranger = spawn('flock', [lock, 'sleep', '1000'], { detached: true });
  const said = (owner: number, written: number) => {
    const record = {
      kind: 'container',
      pid: process.pid,
      owner,
      written,
      args: ['x'],
      uidMappings: [],
      gidMappings: [],
      volumes: [],
    };
    writeFileSync(lock, `${JSON.stringify(record)}\n`);
    return tsbox(['run', '--pid=container:abcabcabcabc', 'busybox', 'true']).stderr;
  };
  try {
    while (!readdirSync(starter.state).includes('abcabcabcabc.lock'));
    // Its parent is another; it is a child of its parent, and younger than the record.
    expect(said(1, 1e9)).toBe('tsbox: --pid container:abcabcabcabc: the box has just ended\n');
    expect(said(process.ppid, 0)).toBe(
      'tsbox: --pid container:abcabcabcabc: the box has just ended\n',
    );
    process.kill(-(stranger.pid ?? 0), 'SIGKILL');
    while (
      tsbox(['run', '--pid=container:abcabcabcabc', 'busybox', 'true']).stderr.includes(
        'just ended',
      )
    );
    expect(said(process.ppid, 1e9)).toMatch(/no such box is running/);
  } finally {
    rmSync(lock, { force: true });
  }
});

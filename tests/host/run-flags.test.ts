/** Podman's flags for what the workload finds, and for what tsbox does while it runs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { eachLeavesNothing, program, shell, started, through, tsbox } from './tsbox.ts';

eachLeavesNothing();

const directory = mkdtempSync(join(tmpdir(), 'flags-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

describe('--env-file', () => {
  const path = file(
    'env',
    '# no\n  A=1 $(id) `id` "q" \\\n\nFROM_CALLER\nMANY_*\nB=\nHOSTNAME=mine\n',
  );

  test('is read by no shell, and --env wins', () => {
    const env = { ...process.env, FROM_CALLER: 'yes', MANY_A: '1', MANY_B: '2' };
    const args = ['run', '--env-file', path, '-e', 'B=3', 'busybox', '--', 'env'];
    const { stdout, stderr } = tsbox(args, '', env);
    const lines = stdout.split('\n');
    expect(stderr).toBe('');
    expect(lines).toContain('A=1 $(id) `id` "q" \\');
    for (const line of ['FROM_CALLER=yes', 'MANY_A=1', 'MANY_B=2', 'B=3', 'HOSTNAME=mine'])
      expect(lines).toContain(line);
  });

  test('is not read by Node, which knows a flag of that name, too', () => {
    const path = file('node', 'NODE_OPTIONS=--no-such-option\nOF_FILE=1\n');
    const { status, stdout } = shell(
      'echo $OF_FILE; env | grep NODE',
      '--env-file',
      path,
      '-e',
      'OF_FILE',
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1\nNODE_OPTIONS=--no-such-option\n' });
    expect(shell('true', `--env-file=${path}`).status).toBe(0);
  });

  test('one that is not there, and one that is wrong, are refused together', () => {
    const wrong = file('wrong', 'A=1\n=2\n');
    const { status, stderr } = shell('true', '--env-file', '/nowhere', '--env-file', wrong);
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /^tsbox: --env-file \/nowhere: ENOENT.*\ntsbox: --env-file \S+: line 2: no name in front of =.*\n$/,
    );
  });

  test('bytes that are no UTF-8 arrive', () => {
    const raw = file('raw', Uint8Array.of(0x41, 0x3d, 0xff, 0xfe, 0x0a));
    const { stdout } = shell('printf %s "$A" | od -An -tx1', '--env-file', raw);
    expect(stdout.trim()).toBe('ff fe');
  });
});

test('--entrypoint comes before COMMAND, which may be missing then', () => {
  const run = (...words: string[]) => tsbox(['run', ...words]).stdout;
  expect(run('--entrypoint', '["sh","-c"]', 'busybox', 'echo $0 $1', 'a', 'b')).toBe('a b\n');
  expect(run('--entrypoint', 'echo', 'busybox', '-n', 'x')).toBe('x');
  expect(run('--entrypoint', 'hostname', 'busybox')).toBe('tsbox\n');
});

test('--shm-size is how much fits into /dev/shm', () => {
  const fill = 'dd if=/dev/zero of=/dev/shm/x bs=64k count=40 2>/dev/null; stat -c %s /dev/shm/x';
  expect(shell(fill, '--shm-size', '1m').stdout).toBe(`${2 ** 20}\n`);
  expect(shell(fill).stdout).toBe(`${40 * 2 ** 16}\n`);
});

describe('--read-only', () => {
  const tries =
    'for d in / /tmp /run /var/tmp /dev /dev/shm; do touch $d/x 2>/dev/null && echo $d; done';

  test('leaves the usual places in memory', () => {
    expect(shell(tries, '--read-only').stdout).toBe('/tmp\n/run\n/var/tmp\n/dev\n/dev/shm\n');
  });

  test('leaves none with --read-only-tmpfs=false, and devices can be used all the same', () => {
    const { stdout, stderr } = shell(
      `${tries}; echo lost >/dev/null && head -c 1 /dev/zero | wc -c`,
      '--read-only',
      '--read-only-tmpfs=false',
    );
    expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: '' });
  });

  test('a terminal works on a read-only /dev', () => {
    const flags = ['-t', '--read-only', '--read-only-tmpfs=false'];
    const { stdout } = shell(
      'tty; echo x >/dev/console; touch /dev/y 2>/dev/null || echo ro',
      ...flags,
    );
    expect(stdout.replaceAll('\r', '')).toBe('/dev/pts/0\nx\nro\n');
  });
});

test('--mount type=image shows another image, which cannot be changed', () => {
  const mount = 'type=image,src=busybox,dst=/i';
  const { stdout } = shell(
    'ls /i/bin/busybox; touch /i/x 2>/dev/null || echo ro',
    '--mount',
    mount,
  );
  expect(stdout).toBe('/i/bin/busybox\nro\n');
  const { status, stderr } = shell('true', '--mount', 'type=image,src=nosuch,dst=/i');
  expect({ status, stderr }).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/^tsbox: --mount type=image,src=nosuch,dst=\/i: no image nosuch/),
  });
});

describe('--preserve-fds', () => {
  const contents = ['three', 'four', 'five', 'six', 'seven'];
  const open = contents.map((content) => openSync(file(content, content), 'r'));
  /** With those five from 3 on, and 9. */
  const run = (count: number, script: string, ...flags: string[]) => {
    const [command = program, ...first] = through();
    const args = [
      ...first,
      'run',
      '--network=none',
      '--preserve-fds',
      `${count}`,
      ...flags,
      'busybox',
      'sh',
      '-c',
      script,
    ];
    const stdio = ['pipe', 'pipe', 'pipe', ...open, 'ignore', open[0]] as const;
    const { status, stdout, stderr } = spawnSync(command, args, {
      stdio: [...stdio],
      timeout: 60_000,
    });
    return { status, stdout: String(stdout), stderr: String(stderr) };
  };
  // The shell reads through one that it does not open itself.
  const list =
    'for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -e /proc/self/fd/$n ] && echo $n; done';

  test.each([0, 1, 2, 3, 4, 5])('%i: exactly those, in their order', (count) => {
    const numbers = Array.from({ length: 3 + count }, (_, number) => `${number}\n`);
    expect(run(count, list).stdout).toBe(numbers.join(''));
    const read = contents.slice(0, count).map((_, index) => `cat /proc/self/fd/${index + 3}; echo`);
    const words = contents.slice(0, count).map((word) => `${word}\n`);
    expect(run(count, `true; ${read.join('; ')}`).stdout).toBe(words.join(''));
  });

  test('together with volumes and a terminal', () => {
    const flags = ['-t', '-v', `${directory}:/d:ro`];
    const { stdout } = run(4, `${list}; readlink /proc/self/fd/6; ls /d/six`, ...flags);
    expect(stdout.replaceAll('\r', '')).toBe(`0\n1\n2\n3\n4\n5\n6\n${directory}/six\n/d/six\n`);
  });

  test('more than there are is refused', () => {
    const { status, stderr } = run(8, 'true');
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr:
        'tsbox: --preserve-fds 8: descriptor 8 is not open: open 3 to 10 for tsbox, as in `tsbox … 8<FILE`\n',
    });
  });
});

test('--timeout kills what runs longer, and nothing else', () => {
  const { status, stderr } = shell('sleep 100', '--timeout', '1');
  expect({ status, stderr }).toEqual({
    status: 137,
    stderr: "tsbox: the box's time is up (--timeout 1), so it was killed\n",
  });
  expect(shell('exit 3', '--timeout', '30')).toMatchObject({ status: 3, stderr: '' });
});

test.each([
  ['SIGINT', 'int'],
  ['RTMIN+2', 'rt'],
  ['10', 'usr'],
])('--stop-signal %s is what SIGTERM becomes', async (signal, said) => {
  const script =
    'trap "echo int; exit 4" INT; trap "echo usr; exit 4" USR1; trap "echo rt; exit 4" 36; trap "exit 9" TERM; echo up; while :; do sleep 0.05; done';
  const args = ['run', '--stop-signal', signal, 'busybox', 'sh', '-c', script];
  const { child, ended } = await started(args, 'up');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 4 });
  expect(output).toBe(`${said}\n`);
});

test('the record of a running box says what labels say', async () => {
  const labels = file('labels', 'a=1\nb\n');
  const args = ['run', '--label-file', labels, '-l', 'c=x=y', '--annotation', 'd=4', 'busybox'];
  const { child, ended } = await started(
    [...args, 'sh', '-c', 'echo up; read -r _ </dev/zero'],
    'up',
  );
  const { stderr } = tsbox(['run', '--pid', 'container:zz', 'busybox', 'true']);
  child.kill('SIGKILL');
  await ended;
  expect(stderr).toMatch(/^tsbox: --pid container:zz: .*\(sh a=1 b= c=x=y\)/);
  expect(tsbox(['run', 'busybox', 'true']).status).toBe(0);
});

test('an unknown flag is refused with the nearest name', () => {
  const { status, stderr } = tsbox(['run', '--volumesfrom', 'x', 'busybox', 'true']);
  expect(status).toBe(125);
  expect(stderr).toBe("tsbox: unknown option '--volumesfrom': is --volumes-from meant?\n");
});

test('values of the kernel’s that are the box’s are set in it alone', () => {
  const own = '/proc/sys/net/ipv4/ip_forward';
  const before = readFileSync(own, 'utf8');
  const { stdout } = shell(
    `cat ${own} /proc/sys/kernel/msgmax`,
    '--sysctl',
    'net.ipv4.ip_forward=1',
    '--sysctl',
    'kernel.msgmax=9001',
  );
  expect(stdout).toBe('1\n9001\n');
  expect(readFileSync(own, 'utf8')).toBe(before);
});

/** How a container starts and ends: streams, signals, exit codes, and that nothing is left. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { eachLeavesNothing, shell, started, starter, through, tsbox } from './tsbox.ts';

eachLeavesNothing();

test.each([
  ['its own', 'exit 7', 7],
  ['of a program that a signal ended', 'sh -c "kill -TERM \\$\\$"; exit $?', 143],
  ['success', 'true', 0],
])('the exit status: %s', (_, script, status) => {
  expect(shell(script).status).toBe(status);
});

test.each([
  [
    'a command in no directory of PATH',
    ['no-such-command'],
    127,
    'command not found: no-such-command',
  ],
  ['a path that is not there', ['/bin/no-such'], 127, 'command not found: /bin/no-such'],
  ['a file that is no program', ['/etc/passwd'], 126, 'cannot execute /etc/passwd: EACCES'],
  ['a directory', ['/etc'], 126, 'cannot execute /etc: EACCES'],
])('%s', (_, words, status, message) => {
  const result = tsbox(['run', 'busybox', '--', ...words]);
  expect(result).toMatchObject({ status, stdout: '' });
  expect(result.stderr).toContain(message);
});

test.each([
  ['a working directory that is not there', ['-w', '/no/such'], 'chdir failed: ENOENT'],
  ['a volume that is not there', ['-v', '/no/such:/v'], '/no/such: ENOENT'],
  ['a bad value', ['--memory', 'much'], '--memory much'],
  ['an unknown flag', ['--frobnicate'], "unknown option '--frobnicate'"],
])('%s is an error of tsbox', (_, flags, message) => {
  const result = tsbox(['run', ...flags, 'busybox', '--', 'true']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toContain(message);
  expect(result.stderr).not.toMatch(/^ +at /m);
});

test('standard input, output and error are the caller’s, unharmed', () => {
  const data = randomBytes(5_000_000).toString('base64');
  const result = tsbox(['run', '-i', 'busybox', '--', 'sh', '-c', 'cat; echo aside >&2'], data);
  expect(result.stdout === data).toBe(true);
  expect(result.stderr).toBe('aside\n');
});

test('without --interactive standard input is empty', () => {
  expect(tsbox(['run', 'busybox', '--', 'sh', '-c', 'cat; echo end'], 'typed').stdout).toBe(
    'end\n',
  );
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGWINCH'] as const)(
  '%s reaches the workload',
  async (signal) => {
    const name = signal.slice(3);
    const script = `trap "exit 42" ${name}; echo ready; while :; do sleep 0.02; done`;
    const { child, ended } = await started(['run', 'busybox', '--', 'sh', '-c', script], 'ready');
    child.kill(signal);
    expect(await ended).toEqual({ code: 42, signal: null });
  },
);

test('a box ends with its tsbox, and the next run removes what is left', async () => {
  const words = ['run', 'busybox', '--', 'sh', '-c', 'echo ready; sleep 1000'];
  const { child, ended } = await started(words, 'ready');
  const pids = `/proc/${child.pid}/task/${child.pid}/children`;
  expect(existsSync(pids)).toBe(true);
  child.kill('SIGKILL');
  // Standard output is closed when the last process of the box is gone.
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(shell('true').status).toBe(0);
});

test.each([
  ['the caller’s', [], '300\n2000\n'],
  ['what is asked for', ['--ulimit', 'nofile=50:60'], '50\n60\n'],
])('the limits of open files are %s', (_, flags, limits) => {
  const words = ['run', ...flags, 'busybox', '--', 'sh', '-c', 'ulimit -Sn; ulimit -Hn'];
  const by = ['prlimit', '--nofile=300:2000', ...through()];
  const planted = { ...process.env, TSBOX_OPEN_FILES: '70:80' };
  expect(tsbox(words, '', planted, by)).toEqual({ status: 0, stdout: limits, stderr: '' });
});

test('--timing shows the phases in their order', () => {
  const { stderr } = shell('true', '--timing');
  const phases = [
    'Node',
    'parse',
    'plan',
    'prepare',
    'clone',
    'steps',
    'exec',
    'workload',
    'clean-up',
  ];
  expect([...stderr.matchAll(/ms {2}(\S+)$/gm)].map(([, name]) => name)).toEqual(phases);
});

test('a limit that this host cannot keep is refused, one that it can is kept', () => {
  const { status, stderr } = shell('true', '--memory', '64m', '--pids-limit', '50');
  const lacking =
    starter.user === 0
      ? '--memory needs the memory controller of cgroup v2'
      : '--memory needs a cgroup that belongs to you, and none around this process does';
  if (status !== 0) expect(stderr).toContain(lacking);
});

test.each([10, 30, 50, 70, 90])('SIGUSR1 after %d ms opens no debugger', async (delay) => {
  const [command = '', ...first] = through();
  const words = [...first, 'run', '--network=none', 'busybox', '--', 'sleep', '0.3'];
  const child = spawn(command, words, { stdio: 'pipe' });
  const [said] = [text(child.stderr), setTimeout(() => child.kill('SIGUSR1'), delay)];
  expect(await said).toBe('');
});

test.each([
  [['run', 'busybox', '--', 'no-such-command'], 127],
  [['run', 'busybox', '--', '/etc'], 126],
  [['run', '--frobnicate'], 125],
  [['run', 'no-such-image', 'true'], 125],
])('%j: the status says it where standard error is full', (words, status) => {
  const result = tsbox(['-c', '"$0" "$@" 2>/dev/full', ...through(), ...words], '', process.env, [
    'sh',
  ]);
  expect(result).toEqual({ status, stdout: '', stderr: '' });
});

test('no signal is blocked, and none ignored that Node ignores', () => {
  const { stdout } = shell('grep -E "^Sig(Ign|Blk)" /proc/self/status');
  const [, blocked, ignored = ''] = /^SigBlk:\t(.*)\nSigIgn:\t(.*)\n$/.exec(stdout) ?? [];
  expect(blocked).toBe('0'.repeat(16));
  const [SIGPIPE, SIGXFSZ] = [13, 25];
  for (const signal of [SIGPIPE, SIGXFSZ])
    expect(BigInt(`0x${ignored}`) & (1n << BigInt(signal - 1))).toBe(0n);
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { childrenOf } from './processes.ts';
import { terminalLife } from './terminal-life.ts';
import { Screen } from './tmux.ts';
import { eachLeavesNothing, program, tsbox } from './tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'console-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

terminalLife('');

test('the caller’s terminal is as it was when the workload is killed', async () => {
  const screen = Screen.open('env PS1="host>" sh');
  await screen.shows(/host>$/);
  screen.line(`${program} run -it --hostname killed busybox sh; stty -a`);
  await screen.shows(/\/ #$/);
  const tsboxes = childrenOf(childrenOf(screen.pid)[0] ?? 0);
  process.kill(tsboxes[0] ?? 0, 'SIGKILL');
  await screen.shows(/isig icanon[\s\S]*host>$/);
});

/** Runs tsbox at a terminal that then goes away. */
const HANG_UP = `
import os, pty, signal, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
while b'up' not in seen:
    seen += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('a terminal that is closed ends the box as SIGHUP does, and nothing is left', () => {
  const script = 'trap "sleep 0.2; exit 5" HUP; echo u""p; while :; do sleep 0.05; done';
  const words = ['run', '-it', 'busybox', '--', 'sh', '-c', script];
  const { stdout, stderr } = spawnSync('python3', ['-c', HANG_UP, program, ...words]);
  expect({ stdout: String(stdout), stderr: String(stderr) }).toEqual({ stdout: '5\n', stderr: '' });
});

test('a reader that does not read hinders no signal', async () => {
  const words = ['run', '-t', '--init', 'busybox', 'yes'];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'readable');
  await new Promise((settle) => setTimeout(settle, 300));
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
});

test('timers run while a terminal is shown: --timeout', () => {
  const start = performance.now();
  const { status } = tsbox(['run', '-t', '--timeout', '1', 'busybox', 'sleep', '60']);
  expect(status).toBe(137);
  expect(performance.now() - start).toBeLessThan(30_000);
});

test('what is no terminal is none, whatever else it is', () => {
  const random = openSync('/dev/urandom', 'r');
  const { status, stdout } = spawnSync(program, ['run', '-t', 'busybox', 'tty'], {
    stdio: [random, 'pipe', 'pipe'],
  });
  closeSync(random);
  expect({ status, stdout: String(stdout) }).toEqual({ status: 0, stdout: '/dev/pts/0\r\n' });
});

/** A terminal of no session. */
const FOREIGN = `
import os, pty, subprocess, sys, time
terminal, peer = pty.openpty()
box = subprocess.Popen(sys.argv[1:], stdin=peer, stdout=peer, stderr=peer, start_new_session=True)
os.close(peer)
os.write(terminal, b'echo typed $((20 + 3)); exit 6\\n')
seen = b''
while b'typed 23' not in seen:
    seen += os.read(terminal, 4096)
print(box.wait(60))
`;

test('a terminal of another session is typed at, too', () => {
  const { stdout } = spawnSync('python3', ['-c', FOREIGN, program, 'run', '-it', 'busybox', 'sh'], {
    timeout: 20_000,
  });
  expect(String(stdout)).toBe('6\n');
});

test.each([
  ['-u 1000', 'user tty'],
  ['--userns=host', 'root tty'],
  ['--read-only', 'root tty'],
])('the terminal belongs to the workload’s user: %s', (flags, owner) => {
  const result = tsbox([
    'run',
    '-t',
    ...flags.split(' '),
    'busybox',
    'stat',
    '-c',
    '%U %G',
    '/dev/console',
  ]);
  expect(result.stdout.trim()).toBe(owner);
});

test.each([
  [['--console-socket', '/s'], '--console-socket without --tty'],
  [['-t', '--vm', '--console-socket', '/s'], '--console-socket with --vm'],
  [['-t', '--detach-keys', 'ctrl-1'], '--detach-keys ctrl-1: ctrl-1 is not one'],
  [['-t', '--console-socket', '/nowhere'], '--console-socket /nowhere: connect: ENOENT'],
])('%j is refused', (flags, message) => {
  const result = tsbox(['run', ...flags, 'busybox', 'true']);
  expect(result.status).toBe(125);
  expect(result.stderr).toContain(message);
});

const RECEIVER = `
import array, socket, sys, os
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print('ready', flush=True)
connection = listener.accept()[0]
message, control, _, _ = connection.recvmsg(64, socket.CMSG_SPACE(4))
terminal = array.array('i', control[0][2])[0]
os.write(terminal, b'echo typed $((20 + 3))\\n')
seen = b''
while b'typed 23' not in seen:
    seen += os.read(terminal, 4096)
os.write(terminal, b'exit 9\\n')
print(message.decode(), flush=True)
`;

test('--console-socket hands the terminal to another program', async () => {
  const socket = join(scratch, 'socket');
  const receiver = spawn('python3', ['-c', RECEIVER, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((settle) => {
    receiver.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.startsWith('ready')) settle();
    });
  });
  const box = spawn(program, ['run', '-t', '--console-socket', socket, 'busybox', 'sh']);
  const status = await new Promise((settle) => {
    box.once('close', settle);
  });
  expect(status).toBe(9);
  expect(said).toBe('ready\n/dev/ptmx\n');
});

/** Filters with a listener: denied calls shown, calls recorded, and an agent of the user's. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedToUsers, shell, started, starter, tsbox } from './tsbox.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seccomp-listener-'));
  chmodSync(directory, 0o755);
  chownSync(directory, starter.user, starter.user);
  for (const name of ['probe', 'agent', 'trap']) {
    const source = new URL(`seccomp-${name}.c`, import.meta.url).pathname;
    const output = join(directory, name);
    execFileSync('gcc', ['-static', '-O1', '-D_GNU_SOURCE', '-o', output, source]);
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

function profile(text: object): string {
  const path = join(directory, 'profile.json');
  writeFileSync(path, JSON.stringify(text));
  return `seccomp=${path}`;
}

/** A zombie waits for its parent alone. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const probe = (...flags: string[]) =>
  tsbox(['run', ...flags, '-v', `${directory}:/p:ro`, 'busybox', '--', '/p/probe']);

describe('--seccomp-log', () => {
  test('every denied call is shown, and denied as without it', () => {
    const plain = probe();
    const { status, stdout, stderr } = probe('--seccomp-log');
    expect({ status, stdout }).toEqual({ status: 0, stdout: plain.stdout });
    const shown = stderr.split('\n').filter((line) => line !== '');
    const denied = stdout.split('\n').filter((line) => / (EPERM|ENOSYS)$/.test(line));
    // To x32 the processor answers, so to speak: it is no call of the profile's.
    expect(shown.length).toBeGreaterThanOrEqual(denied.length - 1);
    expect(
      shown.filter((line) => !/^tsbox: seccomp: probe \(process \d+\): \w/.test(line)),
    ).toEqual([]);
    expect(stderr).toMatch(/: ioctl\(0x0, 0x100005412, 0x[0-9a-f]+, .*\): EPERM /);
    expect(stderr).toMatch(/: clone3\(.*\): ENOSYS /);
  });

  test.each([
    [[]],
    [['-u', '1000']],
    [['--userns=auto']],
    [['--security-opt', 'no-new-privileges=false']],
  ])('with %j', (flags) => {
    const { stdout, stderr } = shell(
      'unshare -U true; grep ^Seccomp: /proc/self/status',
      '--seccomp-log',
      ...flags,
    );
    const refused = refusedToUsers(flags.join(' '));
    if (refused !== undefined) return expect(stderr).toContain(refused);
    expect(stdout).toBe('Seccomp:\t2\n');
    expect(stderr).toMatch(/^tsbox: seccomp: \S+ \(process \d+\): unshare\(0x10000000, /m);
  });

  test('the errno of a given profile', () => {
    const rule = { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 };
    const option = profile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] });
    const { stderr } = shell('mkdir /a', '--seccomp-log', '--security-opt', option);
    expect(stderr).toMatch(/mkdir\(0x.*\): ENOSPC/);
    expect(stderr).toMatch(/can't create directory '\/a': No space left/);
  });

  describe.each(['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRACE'])(
    'what the profile denies by %s',
    (action) => {
      const made = (words: string, ...flags: string[]) => {
        const syscalls = [{ names: ['mkdirat', 'mkdir'], action }];
        const option = profile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
        const command = ['busybox', '--', 'sh', '-c', words];
        const bound = [...flags, '--security-opt', option, '-v', `${directory}:/p:ro`];
        return tsbox(['run', ...bound, ...command]);
      };

      test.each(['default', 'ignored', 'blocked', 'caught', 'restarting', 'thread'])(
        'ends as without it, by who has SIGSYS %s',
        (how) => {
          // A thread alone cannot be ended from outside.
          const whole = action === 'SCMP_ACT_KILL' && how === 'thread';
          // A signal that would be caught, or to no avail, gives way to SIGKILL.
          const forced = !/TRACE/.test(action) && /ignored|blocked/.test(how);
          const other = /KILL/.test(action) && /caught|restarting/.test(how);
          for (const words of [`/p/trap ${how}; echo $?`, `exec /p/trap ${how}`]) {
            const { stderr: _, ...plain } = made(words);
            const { stderr, ...logged } = made(words, '--seccomp-log');
            const first = words.startsWith('exec');
            const bySigkill = (forced || other) && !first;
            if (whole)
              expect(logged).toEqual(
                first ? { status: 159, stdout: '' } : { status: 0, stdout: '159\n' },
              );
            else if (bySigkill)
              expect(logged).toEqual({ ...plain, stdout: plain.stdout.replace('159\n', '137\n') });
            else expect(logged).toEqual(plain);
            expect(stderr).toMatch(/^tsbox: seccomp: trap \(process \d+\): mkdirat\(0x.*\): /m);
            expect(stderr.includes('by SIGKILL instead of SIGSYS')).toBe(bySigkill);
            expect(stderr.includes('its other threads, too')).toBe(whole);
          }
        },
      );

      test('in a user namespace of its own', () => {
        const { status, stderr } = made('exec /p/trap caught', '--seccomp-log', '--userns=auto');
        const refused = refusedToUsers('--userns=auto');
        if (refused !== undefined) return expect(stderr).toContain(refused);
        expect(status).toBe(/KILL/.test(action) ? 159 : 0);
      });
    },
  );

  test('the name of a process that would write on the terminal is escaped', () => {
    const name = "/tmp/$(printf 'busybox\\033[7m\\ntsb')";
    const { stderr } = shell(
      `cp /bin/busybox "${name}"; "${name}" unshare -U true`,
      '--seccomp-log',
    );
    expect(stderr).toContain('tsbox: seccomp: busybox\\u{1b}[7m\\u{a}tsb (process ');
  });

  test.each<[string, string[]]>([
    ['SECCOMP_FILTER_FLAG_TSYNC', ['--seccomp-log']],
    ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', ['--seccomp-log']],
    ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', []],
  ])('%s with %j', (flag, flags) => {
    const rule = { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 };
    const option = profile({
      defaultAction: 'SCMP_ACT_ALLOW',
      flags: [flag],
      syscalls: [rule],
    });
    const { stderr } = shell('mkdir /a', ...flags, '--security-opt', option);
    expect(stderr).toMatch(/can't create directory '\/a': No space left/);
  });

  const endless = ['sh', '-c', 'echo on; while true; do mount -t tmpfs a /tmp 2>/dev/null; done'];

  test('it ends with a tsbox that is killed', async () => {
    const words = ['run', '--seccomp-log', 'busybox', '--', ...endless];
    const { child, ended } = await started(words, 'on', 'ignore');
    const threads = readdirSync(`/proc/${child.pid}/task`);
    const box = threads
      .map((thread) => readFileSync(`/proc/${child.pid}/task/${thread}/children`, 'utf8'))
      .join(' ')
      .trim();
    expect(box).toMatch(/^\d+$/);
    child.kill('SIGKILL');
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => isRunning(box)).toBe(false);
    // Removes what it left.
    expect(shell('true').status).toBe(0);
  });

  test.each([
    [['run', '--vm', '--seccomp-log'], /--vm: the calls would have to be heard of inside/],
    [['compare', '--seccomp-log'], /--seccomp-log: compare runs in a micro-VM/],
    [['seccomp', 'record', '--seccomp-log'], /--seccomp-log: a recording shows denied calls/],
  ])('%j is refused', (words, message) => {
    const { status, stderr } = tsbox([...words, 'busybox', '--', 'true']);
    expect(status).toBe(125);
    expect(stderr).toMatch(message);
  });

  test('explain shows how the listener comes to tsbox', () => {
    const { stdout } = tsbox(['explain', '--seccomp-log', 'busybox', '--', 'true']);
    expect(stdout).toMatch(
      /seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER\|SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, .*= listener\n/,
    );
    expect(stdout).toMatch(/hold\(\) .*tsbox has the listener/);
  });
});

describe('seccomp record', () => {
  describe('the file', () => {
    const record = (path: string, ...command: string[]) =>
      tsbox(['seccomp', 'record', '-o', path, 'busybox', '--', ...command]);

    test('an earlier one is replaced whole, also behind a link', () => {
      const own = mkdtempSync(join(directory, 'written-'));
      chownSync(own, starter.user, starter.user);
      writeFileSync(join(own, 'file'), 'earlier');
      const reader = openSync(join(own, 'file'), 'r');
      symlinkSync('file', join(own, 'link'));
      expect(record(join(own, 'link'), 'true').status).toBe(0);
      // Whoever has the earlier one open reads it still.
      expect(readFileSync(reader, 'utf8')).toBe('earlier');
      closeSync(reader);
      expect(readdirSync(own)).toEqual(['file', 'link']);
      expect(JSON.parse(readFileSync(join(own, 'file'), 'utf8'))).toHaveProperty('syscalls');
    });

    test.each([
      ['/no/such/directory/file', /ENOENT/],
      ['/tmp', /it is a directory/],
    ])('%s: nothing is run for it', (path, message) => {
      const { status, stdout, stderr } = record(path, 'echo', 'run');
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toMatch(message);
    });

    test('a device stays one', () => {
      expect(record('/dev/full', 'true').stderr).toMatch(/\/dev\/full cannot be written: ENOSPC/);
      expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    });
  });

  test.each([[[]], [['--init']]])(
    'what is written is enough for the same run %j, and for little else',
    (own) => {
      const path = join(directory, 'recorded.json');
      const command = [...own, 'busybox', '--', 'ls', '/'];
      const recorded = tsbox(['seccomp', 'record', '-o', path, ...command]);
      expect({ ...recorded, stdout: '' }).toEqual({ status: 0, stdout: '', stderr: '' });
      const flags = ['--security-opt', `seccomp=${path}`];
      expect(tsbox(['run', ...flags, ...command])).toEqual(recorded);
      const { syscalls } = JSON.parse(readFileSync(path, 'utf8'));
      expect(syscalls[0].names).toContain('getdents64');
      // What tsbox-init calls is not the workload's.
      expect(syscalls[0].names).not.toContain('seccomp');
      expect(tsbox(['run', ...flags, 'busybox', '--', 'mkdir', '/a']).stderr).toMatch(
        /not permitted/,
      );
    },
  );

  test('each of its calls is needed', () => {
    const { stdout, status } = tsbox(['seccomp', 'record', 'busybox', '--', 'true']);
    expect(status).toBe(0);
    const names: string[] = JSON.parse(stdout).syscalls[0].names;
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['execve', 'exit_group']));
    expect(names.length).toBeLessThan(25);
  });

  test('the command’s status and output are its own', () => {
    const words = ['seccomp', 'record', 'busybox', '--', 'sh', '-c', 'echo out; exit 7'];
    const { status, stdout, stderr } = tsbox(words);
    expect(status).toBe(7);
    expect(stderr).toBe('out\n');
    expect(JSON.parse(stdout).defaultAction).toBe('SCMP_ACT_ERRNO');
  });

  test('limits of arguments stay, those that the run has used', () => {
    const { stdout } = tsbox(['seccomp', 'record', 'busybox', '--', 'sh', '-c', '/bin/true; true']);
    const rules: { names: string[]; args?: { index: number }[] }[] = JSON.parse(stdout).syscalls;
    const about = (name: string) => rules.filter(({ names }) => names.includes(name));
    expect(about('clone').map(({ args }) => args?.map(({ index }) => index))).toEqual([[0]]);
    expect(about('socket')).toEqual([]);
  });

  test('a denied call is shown, and fails with the same error by what is written', () => {
    const path = join(directory, 'probed.json');
    const words = ['-v', `${directory}:/p:ro`, 'busybox', '--', '/p/probe'];
    const recorded = tsbox(['seccomp', 'record', '-o', path, ...words]);
    expect(recorded.stderr).toMatch(/: clone3\(.*\): ENOSYS /);
    const { syscalls } = JSON.parse(readFileSync(path, 'utf8'));
    expect(syscalls).toContainEqual({
      names: expect.arrayContaining(['clone3']),
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
    });
    const again = tsbox(['run', '--security-opt', `seccomp=${path}`, ...words]);
    const about = ({ stdout }: { stdout: string }) => /^clone3.*$/m.exec(stdout)?.[0];
    expect(about(again)).toEqual(about(recorded));
  });

  test('what the profile leaves to a tracer, without one, is not made', () => {
    const rule = { names: ['mkdir'], action: 'SCMP_ACT_TRACE' };
    const option = profile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] });
    const words = ['--security-opt', option, 'busybox', '--', 'mkdir', '/a'];
    const { stdout, stderr, status } = tsbox(['seccomp', 'record', ...words]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/Function not implemented/);
    expect(JSON.parse(stdout).syscalls[0].names).not.toContain('mkdir');
  });

  test('unconfined, and with what the profile denies denied still', () => {
    const record = (...flags: string[]) =>
      tsbox(['seccomp', 'record', ...flags, 'busybox', '--', 'unshare', '-U', 'true']);
    const free = record('--security-opt', 'seccomp=unconfined');
    expect(free.status).toBe(0);
    expect(JSON.parse(free.stdout).syscalls[0].names).toContain('unshare');
    const bound = record();
    expect(bound.status).toBe(1);
    expect(JSON.parse(bound.stdout).syscalls[0].names).not.toContain('unshare');
  });
});

describe('an agent', () => {
  const notify = (listenerPath?: string) =>
    profile({
      defaultAction: 'SCMP_ACT_ALLOW',
      ...(listenerPath === undefined ? {} : { listenerPath, listenerMetadata: 'some words' }),
      syscalls: [{ names: ['mkdir', 'read'], action: 'SCMP_ACT_NOTIFY' }],
    });

  test('gets the listener and the state of the box, and answers', async () => {
    const path = join(directory, 'agent.sock');
    const [command = '', ...words] = [...starter.become, join(directory, 'agent'), path];
    const agent = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const ready = new Promise<void>((settle) => {
      agent.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
        settle();
      });
    });
    const ended = new Promise((settle) => agent.once('close', settle));
    await ready;
    const { stderr, status } = shell('mkdir /a', '--security-opt', notify(path));
    await ended;
    expect(stderr).toMatch(/can't create directory '\/a': (Numerical|Math)/);
    expect(status).toBe(1);
    const [, state = '', calls] = output.split('\n');
    expect(JSON.parse(state)).toEqual({
      ociVersion: '1.2.0',
      fds: ['seccompFd'],
      pid: expect.any(Number),
      metadata: 'some words',
      state: {
        ociVersion: '1.2.0',
        id: expect.stringMatching(/^[0-9a-f]{12}$/),
        status: 'creating',
        pid: JSON.parse(state).pid,
        bundle: expect.stringMatching(/^\/.*busybox$/),
      },
    });
    expect(Number(calls)).toBeGreaterThan(0);
  });

  test.each<[string, string | undefined, string[], RegExp]>([
    [
      'nobody listens',
      '/no/such/socket',
      [],
      /agent .* cannot be told .*\/no\/such\/socket.*ENOENT/,
    ],
    ['no path', undefined, [], /SCMP_ACT_NOTIFY without listenerPath/],
    ['two listeners', '/a', ['--seccomp-log'], /a process can have one listener/],
    ['a micro-VM', '/a', ['--vm'], /a listener cannot leave the guest/],
  ])('%s', (_, path, flags, message) => {
    const { status, stderr } = shell('true', ...flags, '--security-opt', notify(path));
    expect(status).toBe(125);
    expect(stderr).toMatch(message);
  });
});

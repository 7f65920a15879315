/** Runs bin/tsbox as a user does. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect } from 'vitest';
import type { CallerIds } from '../../src/index.ts';

export const program = new URL('../../bin/tsbox', import.meta.url).pathname;

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How tsbox is started where a test says nothing else. */
export const starter = {
  /** A program with its own arguments that executes another where something lies over the host's files. */
  inside: [] as readonly string[],
  /** What is to be mounted for that, in a mount namespace of the test's own. */
  cover: ':',
  /** A program with its own arguments that executes another as somebody else, or under other conditions. */
  become: [] as readonly string[],
  /** User id that it has. */
  user: 0,
  /** What tsbox would find about the caller, where it is not root. */
  caller: {} as Partial<CallerIds>,
  /** What stands behind a box: a range of its own, the host's ids, the user alone, or with subordinate ids. */
  ids: 'all' as 'all' | 'none' | 'one' | 'subordinate',
  /** Where its boxes keep their state. */
  state: '/run/tsbox/boxes',
  image: '/var/lib/tsbox/images/busybox',
};

/** What starts tsbox as {@link starter} says, through one more program with its own arguments. */
export const through = (...before: readonly string[]): readonly string[] => [
  ...starter.inside,
  ...starter.become,
  ...before,
  program,
];

/** The same under a filter that the caller cannot have installed, as it would be without no_new_privs. */
export const under = (...filter: readonly string[]): readonly string[] => [
  ...starter.inside,
  ...filter,
  ...starter.become,
  program,
];

/** What users without root are refused of what root may ask for; undefined where that is the same. */
export function refusedToUsers(flags: string): string | undefined {
  if (starter.user !== 0 && flags.includes('--userns=auto'))
    return 'tsbox: --userns auto: only root has ids to give to each box';
  if (starter.ids === 'one' && flags.includes('-u 1000'))
    return 'the box has no user with id 1000: /etc/subuid and /etc/subgid have no line for';
  return undefined;
}

/**
 * A box is on no network where a test says nothing of one: most tests are about something else, and
 * what a network brings about on the host is looked at by its own.
 */
export function aloneUnlessAsked(args: readonly string[]): readonly string[] {
  const asked = args.some((word) => /^--(net|config)/.test(word));
  const command = /^(run|explain|seccomp record)\b/.exec(args.join(' '))?.[0];
  if (asked || command === undefined) return args;
  const { length } = command.split(' ');
  return [...args.slice(0, length), '--network=none', ...args.slice(length)];
}

/** @param by what starts it, and that program's own arguments. */
export function tsbox(
  args: readonly string[],
  input: string | Buffer = '',
  env: NodeJS.ProcessEnv = process.env,
  by: readonly string[] = through(),
): Result {
  const [command = program, ...first] = by;
  const options = { input, env, timeout: 100_000, maxBuffer: 2 ** 26 };
  const words = [...first, ...aloneUnlessAsked(args)];
  const { status, stdout, stderr } = spawnSync(command, words, options);
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** A shell script in the busybox image. */
export function shell(script: string, ...flags: string[]): Result {
  return tsbox(['run', ...flags, 'busybox', '--', 'sh', '-c', script]);
}

/** Starts tsbox and settles when its standard output holds the text. */
export async function started(
  args: readonly string[],
  text: string,
  stderr: 'inherit' | 'ignore' = 'inherit',
) {
  const [command = program, ...first] = through();
  const child = spawn(command, [...first, ...aloneUnlessAsked(args)], {
    stdio: ['ignore', 'pipe', stderr],
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((settle) => {
    child.once('close', (code, signal) => settle({ code, signal }));
  });
  let output = '';
  await new Promise<void>((settle) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
      if (output.includes(text)) settle();
    });
  });
  return { child, ended };
}

/** What boxes leave on the host when something is forgotten. */
export function traces() {
  return {
    state: list(starter.state),
    cgroups: ['/sys/fs/cgroup/tsbox', '/sys/fs/cgroup/unified/tsbox'].flatMap(directoriesIn),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    temporary: list(tmpdir()).filter((name) => name.startsWith('tsbox')),
    processes: processesOfBoxes(),
  };
}

/** To be called once in a file of tests. */
export function eachLeavesNothing(): void {
  let before: ReturnType<typeof traces>;
  beforeEach(() => {
    before = traces();
  });
  afterEach(() => expect(traces()).toEqual(before));
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function directoriesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

const names = new Set(['tsbox-init', 'virtiofsd', 'qemu-system-x86', 'qemu-system-aar']);

/** What tsbox starts, and all that is in a cgroup of a box. */
function processesOfBoxes(): string[] {
  return list('/proc').filter((pid) => {
    try {
      // One that has ended already waits for the host's first process, which may take its time.
      if (/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false;
      const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return names.has(comm) || /\/tsbox\//.test(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
    } catch {
      return false;
    }
  });
}

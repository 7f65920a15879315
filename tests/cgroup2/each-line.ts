/**
 * On the rig: runs lines of sh(1) one after the other, and finds out what each left on the host.
 *   node each-line.ts IMAGE LINES     a directory; an object of lines by name, as JSON
 * Prints an object of what became of them, by name, as JSON.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Ran {
  /** null when the line had not ended after PATIENCE. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What is on the host and was not before the line. */
  readonly left: readonly string[];
}

const PATIENCE = 60_000;
/** In memory: the file system that the rig shares with its own host has quirks. */
const DATA = '/var/tmp/tsbox';
/** Lines keep their own files here; nobody looks. */
const SCRATCH = '/dev/shm';
/** Made by the first box, for all that follow. */
const permanent = new Set([
  '/run/tsbox',
  '/run/tsbox/boxes',
  '/run/tsbox/networks',
  '/run/tsbox/networks/active',
  '/run/tsbox/networks/boxes',
  '/sys/fs/cgroup/tsbox',
]);

const [image = '', text = '{}'] = process.argv.slice(2);
const lines: Record<string, string> = JSON.parse(text);
const program = join(import.meta.dirname, '../../bin');
const env = { ...process.env, PATH: `${program}:${process.env.PATH}`, TSBOX_DATA: DATA };

cpSync(image, `${DATA}/images/busybox`, { recursive: true, verbatimSymlinks: true });
let before = new Set(traces());
const ran = Object.entries(lines).map(([name, line]) => [name, run(line)]);
process.stdout.write(JSON.stringify(Object.fromEntries(ran)));

function run(line: string): Ran {
  const options = { env, cwd: SCRATCH, timeout: PATIENCE, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], options);
  const after = traces();
  const left = after.filter((trace) => !before.has(trace));
  before = new Set(after);
  return { status, stdout, stderr, left };
}

function traces(): string[] {
  return [
    ...entriesBelow('/sys/fs/cgroup', (entry) => entry.isDirectory()),
    ...entriesBelow('/run'),
    ...entriesBelow(DATA).map((path) => `${path}, changed at ${lstatSync(path).ctimeMs}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
    ...readdirSync('/proc').flatMap(programOf),
    // What QEMU can do is found out once.
  ].filter((trace) => !permanent.has(trace) && !trace.endsWith('/tsbox/qemus.json'));
}

function entriesBelow(directory: string, wanted = (_: Dirent) => true): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter(wanted).map(({ parentPath, name }) => join(parentPath, name));
}

/** proc_pid_stat(5): `PID (NAME) STATE PARENT …`. The kernel's own threads come and go. */
function programOf(pid: string): string[] {
  if (!/^\d+$/.test(pid)) return [];
  const KTHREADD = '2';
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? [];
    return pid === KTHREADD || parent === KTHREADD ? [] : [`process ${pid}, ${name}`];
  } catch {
    // It ended meanwhile.
    return [];
  }
}

/** Runs boxes that are hostile, or stripped of a defence, and tells how each ended. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import type { BoxRequest, ContainerPlan, RunOptions, Step } from '../../src/index.ts';
import { tsbox as library } from '../host/library.ts';
import { tsbox as runProgram } from '../host/tsbox.ts';

/** Boxes have the ids of the host, which is the weakest of all, unless `userns` says otherwise. */
export type Options = Partial<Omit<RunOptions, 'command'>>;

/** For `userns`: what a box gets when nobody says anything. */
export const AS_DEFAULT = 'default';

export interface Outcome {
  /** The workload's, or the exit status that tsbox would end with. */
  readonly status: number;
  readonly stdout: string;
  /** What tsbox says; empty when the workload ran. */
  readonly error: string;
  /** Whether it had to be killed. */
  readonly hung: boolean;
  /** What of this very box is still on the host. */
  readonly left: readonly string[];
}

export type Planner = typeof library.planContainer;
/** Another plan in the place of tsbox's own for a box on a host. */
export type Change = (plan: ContainerPlan, ...of: Parameters<Planner>) => ContainerPlan;

const HERE = new URL('.', import.meta.url).pathname;
const busybox = library.findImage('busybox', library.dataDirectory(process.env, 0), '/');

/** Where all scratch directories are; made with the first, as a file that fails before has no end to tidy up at. */
let scratch = '';
afterAll(() => {
  if (scratch !== '') rmSync(scratch, { recursive: true, force: true });
});

function scratchOfThisFile(): string {
  if (scratch !== '') return scratch;
  scratch = mkdtempSync(join(tmpdir(), 'hostile-'));
  // Root of a user namespace must find its way to what is in it.
  chmodSync(scratch, 0o755);
  return scratch;
}

/** A new directory, until all tests of the file have ended. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(scratchOfThisFile(), 'of-'));
  chmodSync(path, 0o755);
  return path;
}

/** A copy of the busybox image, to be made hostile. */
export function copyOfBusybox(to: string): void {
  cpSync(busybox, to, { recursive: true, verbatimSymlinks: true });
}

/**
 * Compiles one of the C programs beside this file, static: it runs in any image.
 * @param headers a directory of such as have been made for it.
 */
export function compile(name: string, to: string, headers = to): string {
  const program = join(to, name);
  const words = ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-I', headers, '-o', program];
  execFileSync('gcc', [...words, join(HERE, `${name}.c`)]);
  return program;
}

/** In this very process, so that another plan than tsbox's own can be carried out. */
export async function runHere(
  rootfs: string,
  command: readonly string[],
  options: Options,
  makePlan: Planner = library.planContainer,
  using = library,
): Promise<Outcome> {
  const { findDevices } = using;
  const caller = { env: {}, cwd: '/', ids: using.plainRoot, findDevices };
  const { userns = 'host', ...others } = options;
  const ids = userns === AS_DEFAULT ? {} : { userns };
  const asked = { ...using.noOptions, ...others, ...ids, command };
  const request = () => using.specFromOptions(asked, using.imageFacts(rootfs), caller);
  return start(request, makePlan, using);
}

/** @param request made when the clock runs: reading a hostile image is part of the start. */
async function start(
  request: () => BoxRequest,
  makePlan: Planner,
  using: typeof library,
): Promise<Outcome> {
  const output = join(scratchOfThisFile(), `stdout-${number++}`);
  const [none, out] = [openSync('/dev/null', 'r'), openSync(output, 'w')];
  const mounts = mountCount();
  const watch = watchdog();
  const ids: string[] = [];
  watch.begin();
  const end = (status: number, error: string): Outcome => {
    const stdout = readFileSync(output, { encoding: 'utf8' });
    const more = mountCount() === mounts ? [] : ['a mount'];
    return { status, error, stdout, hung: watch.end(), left: [...ids.flatMap(leftOf), ...more] };
  };
  const planner: Planner = (box, host) => {
    ids.push(box.id);
    return makePlan(box, host);
  };
  try {
    const stdio = { stdin: none, stdout: out, stderr: out };
    const quiet = (): void => undefined;
    const timeline = new using.Timeline();
    const box = await using.startContainer(request(), stdio, timeline, quiet, undefined, planner);
    const exit = await box.wait();
    return end(exit.kind === 'exited' ? exit.code : 128 + exit.signal, '');
  } catch (error) {
    if (error instanceof using.SpecError) return end(125, error.message);
    if (error instanceof using.BoxError) return end(error.exitCode, error.message);
    throw error;
  } finally {
    watch.end();
    closeSync(none);
    closeSync(out);
    rmSync(output);
  }
}

let number = 0;

const mountCount = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;

/** All that a box makes on the host carries its id. */
function leftOf(id: string): string[] {
  const state = `/run/tsbox/boxes/${id}`;
  const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];
  return [state, `${state}.lock`, ...cgroups.map((mount) => `${mount}/tsbox/${id}`)].filter(
    existsSync,
  );
}

/** With bin/tsbox, as a user does. @param by what starts it. */
export function runByProgram(
  rootfs: string,
  command: readonly string[],
  flags: readonly string[],
  by?: readonly string[],
): Outcome {
  const args = ['run', ...flags, '--rootfs', rootfs, '--', ...command];
  const { status, stdout, stderr } = runProgram(args, '', process.env, by);
  // What tsbox says comes after what the workload said, if that ran at all.
  const own = /^tsbox: (?!KVM is not used)/m.exec(stderr);
  return {
    status: status ?? 255,
    stdout,
    error: own === null ? '' : stderr.slice(own.index),
    hung: status === null,
    left: [],
  };
}

/** The options as they are written on the command line. */
export function flagsOf(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (typeof value === 'boolean') return value ? [flag] : [];
    return [value].flat().map((word) => `${flag}=${word}`);
  });
}

/** Another plan, each step of which is tsbox's own, changed, or taken out (undefined). */
export function eachStep(change: (step: Step) => Step | undefined): Change {
  return (plan) => ({
    ...plan,
    sections: plan.sections.map(({ title, steps }) => ({
      title,
      steps: steps.flatMap((step) => change(step) ?? []),
    })),
  });
}

/** Seconds that any box of these tests may take, start and all. */
const PATIENCE = 10;

/**
 * While a container is started this thread waits for its process, so another one looks at the clock.
 * It kills what a hung start waits for: children of this very process, and no others.
 */
const watching = `
  const { workerData } = require('node:worker_threads');
  const { readdirSync, readFileSync, readlinkSync } = require('node:fs');
  const [since, hung] = [0, 1];
  const clock = new BigInt64Array(workerData.shared);
  const children = () => readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync('/proc/self/task/' + task + '/children', 'utf8').split(' ').filter(Boolean));
  const isBox = (pid) => {
    return /tsbox-init/.test(readlinkSync('/proc/' + pid + '/exe')) || /\\/tsbox\\//.test(readFileSync('/proc/' + pid + '/cgroup', 'utf8'));
  };
  setInterval(() => {
    const began = Atomics.load(clock, since);
    if (began === 0n || BigInt(Date.now()) - began < BigInt(workerData.patience * 1000)) return;
    Atomics.store(clock, hung, 1n);
    for (const pid of children()) if (isBox(pid)) process.kill(Number(pid), 'SIGKILL');
  }, 500);
`;

interface Watchdog {
  begin(): void;
  /** @returns whether it had to bite. */
  end(): boolean;
}

let only: Watchdog | undefined;
function watchdog(): Watchdog {
  if (only !== undefined) return only;
  const shared = new SharedArrayBuffer(16);
  const clock = new BigInt64Array(shared);
  const workerData = { shared, patience: PATIENCE };
  new Worker(watching, { eval: true, workerData }).unref();
  only = {
    begin: () => {
      Atomics.store(clock, 1, 0n);
      Atomics.store(clock, 0, BigInt(Date.now()));
    },
    end: () => {
      Atomics.store(clock, 0, 0n);
      return Atomics.load(clock, 1) === 1n;
    },
  };
  return only;
}

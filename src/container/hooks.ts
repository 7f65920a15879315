/**
 * Executes a box's hooks at their times (OCI runtime.md, "Lifecycle"; src/plan/hooks.ts has what each
 * does before it is a program of somebody else's). One that fails before the workload has run, or right
 * after its start, ends the box; after the box's end it is only told of.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { emptyMemoryFile, memoryFile } from '../linux/memory-file.ts';
import { NamespaceError } from '../linux/namespaces.ts';
import { syscall } from '../linux/native.ts';
import type { ContainerPlan } from '../plan/container.ts';
import { hookSteps, hookTimes } from '../plan/hooks.ts';
import type { Host } from '../plan/host.ts';
import type { Joined } from '../plan/namespaces.ts';
import { printStep } from '../plan/print.ts';
import type { Step } from '../plan/step.ts';
import { untilEnd } from '../sandbox/program.ts';
import type { Early } from '../sandbox/sandbox.ts';
import type { Box } from '../spec/box.ts';
import { OCI_VERSION } from '../spec/defaults.ts';
import type { Hook, HookKind } from '../spec/spec.ts';

/** What is to be done at the times of a box's life, with the id of its first process. @throws Error */
export interface HookTimes {
  /** Everything is there, and the root is still the host's. */
  created(pid: number): Promise<void>;
  /** Nothing is left but to execute the workload. */
  starting(pid: number): Promise<void>;
  /** The workload is executed. */
  started(pid: number): Promise<void>;
  /** Nothing is left of the box; a hook that fails is told of. */
  stopped(): Promise<void>;
}

/** All that hooks depend on. */
export interface Stage {
  readonly box: Box;
  readonly plan: ContainerPlan;
  readonly host: Host;
  readonly say: (message: string) => void;
  readonly early: Early | undefined;
}

export function hooksOf(stage: Stage): HookTimes {
  const { box, say } = stage;
  /** Whether there was a box that could stop. */
  let made = false;
  const each = async (
    kinds: readonly HookKind[],
    execute: (called: Called) => Promise<void>,
  ): Promise<void> => {
    for (const kind of kinds)
      for (const [index, hook] of (box.spec.hooks?.[kind] ?? []).entries())
        await execute({ hook, kind, name: `hooks.${kind}[${index}]: ${hook.path}` });
  };
  const at = (kinds: readonly HookKind[]) => (pid: number) =>
    each(kinds, (called) => executeHook(called, stage, pid));
  return {
    created: (pid) => {
      made = true;
      return at(hookTimes.created)(pid);
    },
    starting: at(hookTimes.starting),
    started: at(['poststart']),
    stopped: async () => {
      const { early, ...late } = stage;
      if (made)
        await each(['poststop'], (called) =>
          executeHook(called, { ...late, early: undefined }).catch((error: Error) =>
            say(error.message),
          ),
        );
    },
  };
}

interface Called {
  readonly hook: Hook;
  readonly kind: HookKind;
  readonly name: string;
}

async function executeHook(called: Called, stage: Stage, pid?: number): Promise<void> {
  const { hook, kind, name } = called;
  const open: number[] = [];
  const keep = (fd: number): number => {
    open.push(fd);
    return fd;
  };
  try {
    const state = keep(memoryFile('tsbox-state', Buffer.from(stateOf(stage.box, kind, pid))));
    const words = keep(emptyMemoryFile('tsbox-words', 0));
    // What is said is written one after the other, from whichever descriptor.
    const output = keep(openSync(`/proc/self/fd/${words}`, 'a'));
    const steps = hookSteps(hook, kind, stage.box, stage.host);
    const input = keep(openSync(`/proc/self/fd/${state}`, 'r'));
    const running = start(steps, [input, output, output], stage, called, pid, keep);
    const { report } = running.carryOut();
    const seconds = hook.timeout;
    const bounds = { abort: stage.early?.abort, ...(seconds === undefined ? {} : { seconds }) };
    const { ended, late } = await untilEnd(running, bounds, 'with its process group');
    const fail = (what: string): never => {
      throw new Error(`${name}: ${what}${saidIn(words)}`);
    };
    if (report?.state === 'failed') fail(failedStep(steps, report.step, report.error));
    if (late) fail(`it did not end within ${seconds} s, and was ended`);
    if (ended.how === 'signalled') fail(`it was ended by signal ${ended.status}`);
    if (ended.status !== 0) fail(`exit status ${ended.status}`);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

const inContainer: readonly HookKind[] = ['createContainer', 'startContainer'];

function start(
  steps: readonly Step[],
  stdio: readonly [number, number, number],
  { box, plan }: Stage,
  { kind, name }: Called,
  pid: number | undefined,
  keep: (fd: number) => number,
): Interpreter {
  const clone = ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'] as const;
  if (pid === undefined || !inContainer.includes(kind)) return interpret({ steps, clone, stdio });
  const { entry } = plan.cgroup ?? {};
  try {
    return interpret({
      steps,
      stdio,
      extra: [keep(syscall('pidfd_open', pid, 0))],
      joined: pidNamespaceOf(box, pid),
      clone: entry === undefined ? clone : [...clone, 'CLONE_INTO_CGROUP'],
      ...(entry === undefined ? {} : { cgroup: keep(openSync(entry, 'r')) }),
    });
  } catch (error) {
    if (!(error instanceof NamespaceError)) throw error;
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

function pidNamespaceOf({ spec }: Box, pid: number): Joined[] {
  if (!spec.linux.namespaces.some(({ type }) => type === 'pid')) return [];
  return [{ flag: 'CLONE_NEWPID', path: `/proc/${pid}/ns/pid` }];
}

function failedStep(steps: readonly Step[], index: number, errno: number): string {
  const failed = steps[index];
  const what =
    failed === undefined || failed.call === 'execve' ? 'it cannot be executed' : printStep(failed);
  return `${what}: ${errnoName(errno)}`;
}

/** Characters of what a hook said that are shown: the end tells more than the beginning. */
const MOST_WORDS = 1000;

function saidIn(words: number): string {
  const said = readFileSync(`/proc/self/fd/${words}`, 'utf8').trim();
  return said === '' ? '' : `; it said: ${said.slice(-MOST_WORDS)}`;
}

const statusAt: Readonly<Record<HookKind, string>> = {
  prestart: 'creating',
  createRuntime: 'creating',
  createContainer: 'creating',
  startContainer: 'created',
  poststart: 'running',
  poststop: 'stopped',
};

/** OCI runtime.md, "State". */
function stateOf(box: Box, kind: HookKind, pid: number | undefined): string {
  const { annotations } = box.spec;
  return JSON.stringify({
    ociVersion: OCI_VERSION,
    id: box.id,
    status: statusAt[kind],
    ...(pid === undefined ? {} : { pid: inContainer.includes(kind) ? pidInside(pid) : pid }),
    bundle: box.bundle ?? box.spec.root.path,
    ...(annotations === undefined ? {} : { annotations }),
  });
}

/** As the process itself sees it: the last number of NSpid, proc_pid_status(5). */
function pidInside(pid: number): number {
  const [, numbers = ''] = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(numbers.trim().split(/\s+/).at(-1)) || pid;
}

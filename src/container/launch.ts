/** Makes a container's processes by its plan, and follows them to their end. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import type { Ended } from '../linux/children.ts';
import { type CarriedOut, type Interpreter, interpret } from '../linux/interpreter.ts';
import type { Moved } from '../linux/move-device.ts';
import { NamespaceError } from '../linux/namespaces.ts';
import { SyscallError } from '../linux/native.ts';
import { setWindowSize } from '../linux/terminal.ts';
import type { CloneFlag, ContainerPlan } from '../plan/container.ts';
import type { Host } from '../plan/host.ts';
import type { Report } from '../plan/report.ts';
import { LISTENER } from '../plan/seccomp.ts';
import type { Step } from '../plan/step.ts';
import { leaveNetworks, noteProcess } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { recordOf } from '../sandbox/record.ts';
import { Refused } from '../sandbox/refusal.ts';
import type { Early, Exit, RecordedCall, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import type { BoxState } from '../sandbox/state.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { onOneClock, stepPhases, type Timeline } from '../sandbox/timeline.ts';
import { unserved } from '../sandbox/unserved.ts';
import { type Asked, askedName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import type { HookTimes } from './hooks.ts';
import type { Watch } from './listener.ts';
import { endServers, type Server, startServers } from './servers.ts';

const { SIGKILL, SIGSYS } = signalNumbers;

export interface Circumstances {
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  readonly state: BoxState;
  readonly early: Early | undefined;
  readonly say: (message: string) => void;
  readonly host: Host;
  readonly hooks?: HookTimes | undefined;
}

/** @throws BoxError when the workload could not be started; no process is left then. */
export async function launch(
  box: Box,
  plan: ContainerPlan,
  circumstances: Circumstances,
): Promise<Sandbox> {
  const { stdio, timeline, state, early } = circumstances;
  const steps = plan.sections.flatMap((section) => section.steps);
  await carryOut(plan.before, { early });
  timeline.mark('prepare');
  const running = cloneBox(plan, steps, stdio, box);
  const started = await startWorkload(running, box, plan, steps, circumstances);
  const { terminal, watch, servers, moved, report, at } = started;
  if (report !== undefined) markSteps(timeline, steps, report, at);
  const failure = failureOf(steps, report);
  if (failure !== undefined) {
    if (terminal !== undefined) closeSync(terminal);
    const lost = await endServers(servers, 'never ran');
    await running.end();
    await watch?.end().catch(failedToListen);
    for (const device of moved) device.giveBack();
    throw lost[0] === undefined ? failure : unserved(lost[0].server, lost[0].why, failure);
  }
  await circumstances.hooks?.started(running.pid).catch(async (error: unknown) => {
    running.signal(SIGKILL);
    if (terminal !== undefined) closeSync(terminal);
    await running.end();
    await watch?.end().catch(failedToListen);
    for (const device of moved) device.giveBack();
    throw error;
  });
  for (const device of moved) device.keep();
  state.note(recordOf(box, 'container', running.pid));
  const recorded: RecordedCall[] = [];
  return {
    id: box.id,
    pid: running.pid,
    timeline,
    signal: running.signal,
    ...(terminal === undefined ? {} : { terminal }),
    resize: (size) => {
      if (terminal !== undefined) setWindowSize(terminal, size);
    },
    ...(box.watch === 'all' ? { recorded } : {}),
    wait: async (block) => {
      const ended = await running.end(block);
      for (const { why, server } of await endServers(servers, 'has run'))
        circumstances.say(`${why}: from then on the box had ${server.lost}`);
      const heard = await watch?.end().catch(failedToListen);
      timeline.mark('workload', ended.at);
      const limited = box.spec.linux.resources.memory !== undefined;
      const oomKilled = limited && plan.cgroup !== undefined && ranOutOfMemory(plan.cgroup.account);
      await carryOut(plan.after);
      if (box.network !== undefined) await leaveNetworks(state, 'by itself');
      await state.remove();
      timeline.mark('clean-up');
      if (heard instanceof BoxError) throw heard;
      recorded.push(...(heard ?? []));
      return toExit(ended, oomKilled, watch?.isFirstKilled() === true);
    },
  };
}

/** What a listener is needed for is loaded with it. */
async function serve(
  listener: number,
  box: Box,
  pid: number,
  { host: { seccomp }, say }: Circumstances,
): Promise<Watch | undefined> {
  const { informAgent, watchCalls } = await import('./listener.ts');
  if (seccomp?.judge !== undefined) return watchCalls(listener, seccomp.judge, box, pid, say);
  informAgent(box, pid, listener);
  return undefined;
}

function failedToListen(error: Error): BoxError {
  return new BoxError(
    `tsbox stopped listening to the box's system calls, which failed from then on: ${error.message}`,
    { cause: error },
  );
}

interface Started extends CarriedOut {
  readonly watch: Watch | undefined;
  readonly servers: readonly Server[];
  readonly terminal: number | undefined;
  readonly moved: readonly Moved[];
}

async function startWorkload(
  running: Interpreter,
  box: Box,
  plan: ContainerPlan,
  steps: readonly Step[],
  circumstances: Circumstances,
): Promise<Started> {
  let watch: Watch | undefined;
  const servers: Server[] = [];
  let terminal: number | undefined;
  let moved: readonly Moved[] = [];
  try {
    if (plan.cgroup === undefined) noteProcess(circumstances.state, running.pid);
    moved = await prepare(running, plan, steps, circumstances.early);
    for await (const server of startServers(running, box, circumstances)) servers.push(server);
    await pauseFor(running, circumstances.hooks?.created);
    if (box.spec.process.terminal) terminal = running.takeDescriptor();
    await pauseFor(running, circumstances.hooks?.starting);
    const step = listenerStep(plan);
    const listener = step === undefined ? undefined : takeListener(running, step);
    if (listener !== undefined) watch = await serve(listener, box, running.pid, circumstances);
    return { ...running.carryOut(), watch, servers, terminal, moved };
  } catch (error) {
    if (terminal !== undefined) closeSync(terminal);
    await endServers(servers, 'never ran');
    running.signal(SIGKILL);
    await running.end();
    await watch?.end().catch(failedToListen);
    for (const device of moved) device.giveBack();
    throw error;
  }
}

/** The process waits where its plan has hooks executed (src/plan/hooks.ts). */
async function pauseFor(
  running: Interpreter,
  execute: ((pid: number) => Promise<void>) | undefined,
): Promise<void> {
  if (execute === undefined || !running.arrives()) return;
  await execute(running.pid);
  running.go();
}

/** What only the parent can do; the process goes on then. */
async function prepare(
  running: Interpreter,
  plan: ContainerPlan,
  steps: readonly Step[],
  early: Early | undefined,
): Promise<readonly Moved[]> {
  if (plan.during.length === 0) return [];
  const { descriptors, moved } = await carryOut(plan.during, { pid: running.pid, early }).catch(
    (error) => {
      // Nothing can be done for a process that has ended: why it did is what matters.
      running.signal(SIGKILL);
      const { report } = running.carryOut();
      throw (report !== undefined && failureOf(steps, report)) || error;
    },
  );
  try {
    running.go(descriptors);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
  return moved;
}

function takeListener(running: Interpreter, step: number): number | undefined {
  try {
    return running.takeListener(step);
  } catch (error) {
    throw new BoxError(
      `the listener of the box's seccomp filter cannot be taken: ${(error as Error).message}: tsbox needs Linux 5.8 and CAP_SYS_PTRACE for it`,
      { cause: error },
    );
  }
}

/** The number of the step that installs a filter with a listener. */
function listenerStep(plan: ContainerPlan): number | undefined {
  const steps = plan.sections.flatMap((section) => section.steps);
  const found = steps.findIndex(({ into }) => into === LISTENER);
  return found < 0 ? undefined : found;
}

/** Those that flags can ask for, by a path or of another box. */
const askedOf: Partial<Readonly<Record<CloneFlag, Asked>>> = {
  CLONE_NEWPID: 'processes',
  CLONE_NEWIPC: 'messages',
  CLONE_NEWUTS: 'hostName',
  CLONE_NEWNET: 'network',
  CLONE_NEWCGROUP: 'cgroups',
};

function cloneBox(
  plan: ContainerPlan,
  steps: readonly Step[],
  { stdin, stdout, stderr }: Stdio,
  box: Box,
): Interpreter {
  const { preserved = 0 } = box;
  let cgroup: number | undefined;
  try {
    if (plan.cgroup !== undefined) cgroup = openSync(plan.cgroup.entry, 'r');
    return interpret({
      steps,
      clone: plan.clone,
      joined: plan.joined,
      stdio: [stdin, stdout, stderr],
      ...(preserved === 0 ? {} : { extra: Array.from({ length: preserved }, (_, n) => 3 + n) }),
      ...(cgroup === undefined ? {} : { cgroup }),
    });
  } catch (error) {
    if (error instanceof RangeError)
      throw new BoxError(
        `the plan is too large: ${error.message}: give fewer mounts, paths and words`,
      );
    if (error instanceof NamespaceError)
      throw new BoxError(
        `${askedName(askedOf[error.flag] ?? 'namespace', box)}: ${error.message}`,
        {
          cause: error,
        },
      );
    if (!(error instanceof SyscallError && error.call === 'clone3'))
      throw new BoxError(`the box's first process could not be made: ${(error as Error).message}`, {
        cause: error,
      });
    throw new Refused(
      { call: 'clone3', errno: error.errno, clone: plan.clone },
      {
        failed: error.message,
        call: `clone3({flags=${plan.clone.join('|')}})`,
        why: "the box's first process, in namespaces of its own",
      },
      { cause: error },
    );
  } finally {
    if (cgroup !== undefined) closeSync(cgroup);
  }
}

function markSteps(
  timeline: Timeline,
  steps: readonly Step[],
  told: Report,
  executed: bigint,
): void {
  const report = onOneClock(steps, told);
  timeline.mark('clone', report.started);
  timeline.mark('steps', report.ended, () => stepPhases(steps, report));
  timeline.mark('exec', executed);
}

/** @param forCall whether it was ended as the kernel ends who makes a call that kills. */
function toExit({ how, status }: Ended, oomKilled: boolean, forCall: boolean): Exit {
  if (how === 'exited')
    return { kind: 'exited', code: status, ...(oomKilled ? { oomKilled } : {}) };
  const signal = forCall && status === SIGKILL ? SIGSYS : status;
  return { kind: 'signalled', signal, oomKilled };
}

/** `memory.events`: `oom_kill N`. */
function ranOutOfMemory(cgroup: string): boolean {
  try {
    return /^oom_kill [1-9]/m.test(readFileSync(`${cgroup}/memory.events`, 'utf8'));
  } catch {
    // Whatever has become of it, there is still to be tidied up.
    return false;
  }
}

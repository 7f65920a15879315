/** The VM driver: a box as a micro-VM of QEMU, whose init carries out the same plan. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataDirectory } from '../image/image.ts';
import { readInit } from '../linux/native.ts';
import { cgroupPath, makeCgroup, removeCgroup } from '../plan/cgroup.ts';
import { decodeReport } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { removeAbandoned } from '../sandbox/abandoned.ts';
import { carryOut, notHere } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { readHost, requireRoot } from '../sandbox/host.ts';
import type { Exit, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { claimState, stateDirectory } from '../sandbox/state.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { stepPhases, type Timeline } from '../sandbox/timeline.ts';
import type { Box } from '../spec/box.ts';
import { chooseAccelerator, saveVerdict } from './accelerator.ts';
import { initialFileSystem, planGuest } from './guest.ts';
import { findKernel } from './kernel.ts';
import { type Machine, type MachineRequest, startMachine } from './machine.ts';
import type { End, Hello } from './session.ts';

/**
 * Boots the guest and starts the workload.
 * @param timeline whose phases go up to now; the driver adds its own.
 * @param say told once, in a sentence, when KVM cannot be used.
 * @throws BoxError when the guest does not come up; nothing is left of it then.
 */
export async function startVm(
  request: Pick<Box, 'spec' | 'layer'>,
  stdio: Stdio,
  timeline: Timeline,
  say: (message: string) => void,
): Promise<Sandbox> {
  requireRoot('a micro-VM');
  const parent = stateDirectory(process.env, 0);
  const { arch, cgroup, sources } = readHost(request, '');
  await removeAbandoned(parent, cgroup);
  const kernel = findKernel(dataDirectory(process.env, 0));
  const guest = planGuest(request, kernel, arch, sources);
  const steps = guest.sections.flatMap((section) => section.steps);
  timeline.mark('plan');
  const state = claimState(parent);
  const remove = async (): Promise<void> => {
    if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id), 0, notHere);
    state.remove();
  };
  try {
    if (cgroup !== undefined) await carryOut(makeCgroup({}, cgroup, state.id), 0, notHere);
    mkdirSync(state.directory, { mode: 0o700 });
    const initrd = `${state.directory}/initrd`;
    const modules = kernel.modules.map(({ name, path }) => ({ name, content: readFileSync(path) }));
    writeFileSync(initrd, initialFileSystem(guest, arch, readInit(), modules));
    timeline.mark('prepare');
    const { machine, hello } = await boot(
      {
        state,
        arch,
        cgroup: cgroup === undefined ? undefined : cgroupPath(cgroup, state.id),
        kernel: kernel.image,
        initrd,
        shares: guest.shares,
        resources: request.spec.linux.resources,
      },
      stdio,
      timeline,
      say,
    );
    // The guest's clock starts with its kernel.
    const offset = process.hrtime.bigint() - hello.now;
    timeline.mark('QEMU', [], offset);
    return {
      id: state.id,
      pid: machine.pid,
      timeline,
      signal: (signal) => machine.session.signal(signal),
      wait: async () => {
        const gone = machine.gone.then((): End => ({ kind: 'broken', why: 'QEMU ended' }));
        // What the guest said last may still be on its way when QEMU is gone already.
        const end = await Promise.race([machine.session.end, gone.then(afterwards(machine))]);
        const words = machine.lastWords();
        markEnd(timeline, steps, end, offset);
        await machine.end();
        await remove();
        timeline.mark('clean-up');
        return toExit(end, steps, words);
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Milliseconds. */
const GRACE = 200;

function afterwards(machine: Machine): (end: End) => Promise<End> {
  return (end) => Promise.race([machine.session.end, sleep(GRACE, end)]);
}

/** Seconds within which a guest must say hello: a kernel that boots under TCG takes a few. */
const PATIENCE = { kvm: 10, tcg: 60 } as const;

async function boot(
  request: Omit<MachineRequest, 'accelerator'>,
  stdio: Stdio,
  timeline: Timeline,
  say: (message: string) => void,
): Promise<{ machine: Machine; hello: Hello }> {
  const choice = chooseAccelerator();
  if (choice.why !== undefined) say(warning(choice.why));
  const { accelerator } = choice;
  const first = await attempt({ ...request, accelerator }, stdio);
  if (first.hello !== undefined) {
    if (accelerator === 'kvm') saveVerdict(true, '');
    return { machine: first.machine, hello: first.hello };
  }
  if (accelerator === 'tcg') throw notUp(first.words);
  const why = 'a guest did not come up under it';
  saveVerdict(false, why);
  say(warning(why));
  timeline.mark('KVM tried');
  const second = await attempt({ ...request, accelerator: 'tcg' }, stdio);
  if (second.hello === undefined) throw notUp(second.words);
  return { machine: second.machine, hello: second.hello };
}

/** When the guest does not come up, nothing of this attempt is left. */
async function attempt(
  request: MachineRequest,
  stdio: Stdio,
): Promise<{ machine: Machine; hello: Hello | undefined; words: string }> {
  const machine = await startMachine(request, stdio);
  const timeout = new AbortController();
  const { signal } = timeout;
  const patience = sleep(PATIENCE[request.accelerator] * 1000, undefined, { signal });
  patience.catch(() => undefined);
  try {
    const hello = await Promise.race([
      machine.session.hello,
      machine.gone.then(() => undefined),
      patience,
    ]);
    if (hello !== undefined) return { machine, hello, words: '' };
    const words = machine.lastWords();
    await machine.end();
    return { machine, hello, words };
  } catch (error) {
    await machine.end();
    throw error;
  } finally {
    timeout.abort();
  }
}

function warning(why: string): string {
  return `KVM is not used (${why}): QEMU translates the guest (TCG), which is many times slower`;
}

function notUp(words: string): BoxError {
  return new BoxError(
    `the micro-VM did not come up; the end of its console, and of what QEMU said:\n${words}  what to do: give it more memory (-m), and see \`tsbox doctor\` for the kernel and QEMU`,
  );
}

function markEnd(timeline: Timeline, steps: readonly Step[], end: End, offset: bigint): void {
  if (end.kind !== 'ended') return;
  const report = decodeReport(end.report);
  if (report === undefined) return;
  const phases = stepPhases(steps, report, offset);
  timeline.mark('kernel', [], report.started + offset);
  timeline.mark('init', phases, phases.at(-1)?.end ?? report.started + offset);
  timeline.mark('workload', [], end.exit.now + offset);
}

/** wait(2): the signal in the low seven bits, the exit status in the second byte. */
function toExit(end: End, steps: readonly Step[], words: string): Exit {
  const SIGPIPE = 13;
  if (end.kind === 'unread') return { kind: 'signalled', signal: SIGPIPE, oomKilled: false };
  if (end.kind === 'broken')
    throw new BoxError(
      `the micro-VM broke down (${end.why}); the end of its console, and of what QEMU said:\n${words}  what to do: give it more memory (-m) if it ran out of it`,
    );
  const failure = failureOf(steps, decodeReport(end.report));
  if (failure !== undefined) throw failure;
  const { status, oomKilled } = end.exit;
  if (oomKilled)
    throw new BoxError(
      `the micro-VM ran out of memory; the end of its console:\n${words}  what to do: give it more memory (-m)`,
    );
  return (status & 0x7f) === 0
    ? { kind: 'exited', code: (status >> 8) & 0xff }
    : { kind: 'signalled', signal: status & 0x7f, oomKilled: false };
}

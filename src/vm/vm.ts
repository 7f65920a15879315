/** The VM driver: a box as a micro-VM of QEMU, whose init carries out the same plan. */
import { chmodSync, chownSync, closeSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataDirectory } from '../image/image.ts';
import { readInit } from '../linux/native.ts';
import { entryPath, makeCgroup, removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { decodeReport } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { leaveNetworks, removeAbandoned } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import { recordOf } from '../sandbox/record.ts';
import type { Early, Exit, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { type BoxState, claimState, ownStateDirectory } from '../sandbox/state.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { onOneClock, stepPhases, type Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { chooseAccelerator, saveVerdict } from './accelerator.ts';
import {
  type Contents,
  type Guest,
  initialFileSystem,
  planGuest,
  refuseImpossible,
} from './guest.ts';
import { followHosts } from './hosts.ts';
import { findKernel, type GuestKernel, requireReadable } from './kernel.ts';
import { type Machine, type MachineRequest, startMachine } from './machine.ts';
import { type Connected, connect } from './network.ts';
import { type Premises, readPremises } from './premises.ts';
import type { Accelerator } from './qemu/command-line.ts';
import { archiveRoot } from './root-archive.ts';
import type { End, Session } from './session.ts';
import { writePieces } from './write-pieces.ts';

/**
 * Boots the guest and starts the workload.
 * @param timeline whose phases go up to now; the driver adds its own.
 * @param say told in a sentence each of what does not hinder the box: that KVM cannot be used, say.
 * @param early ends the boot; once the workload has started it has no effect.
 * @throws BoxError when the guest does not come up; nothing is left of it then.
 */
export async function startVm(
  request: BoxRequest,
  stdio: Stdio,
  timeline: Timeline,
  say: (message: string) => void,
  early?: Early,
): Promise<Sandbox> {
  const uid = process.geteuid?.() ?? 0;
  const parent = ownStateDirectory(process.env, uid);
  const host = await withFilter(readHost(request, parent.path), request);
  const { arch, sources, seccomp, cgroup } = host;
  await removeAbandoned(parent, cgroup, say);
  refuseImpossible(request, sources);
  const kernel = findKernel(dataDirectory(process.env, uid));
  const root = archiveRoot(request, uid);
  const transport = root === undefined ? 'shared' : 'archived';
  const state = claimState(parent);
  if (request.lacks !== undefined) say(request.lacks);
  const remove = () => removeTraces(request, state, cgroup);
  let connected: Connected | undefined;
  try {
    const premises = await readPremises(host, state.id);
    if (cgroup !== undefined) await carryOut(makeCgroup({}, cgroup, state.id));
    const network = await connect(request, {
      boxes: parent.path,
      state,
      host,
      premises,
      say,
      early,
    });
    connected = network;
    const guest = planGuest(network.box, transport, kernel, { arch, seccomp });
    timeline.mark('plan');
    const contents = readContents(guest, root ?? []);
    const initrd = writeInitrd(state, initialFileSystem(guest, arch, contents));
    handOver(initrd, premises, kernel);
    timeline.mark('prepare');
    const machine = await boot(
      {
        state,
        premises,
        log: `${state.directory}/log`,
        cgroup: cgroup === undefined ? undefined : entryPath(cgroup, state.id),
        kernel: kernel.image,
        initrd,
        shares: guest.shares,
        resources: request.spec.linux.resources,
        network: network.box.network,
        cable: network.cable,
        terminal: request.spec.process.terminal ?? false,
      },
      { stdio, timeline, say, abort: early?.abort },
    );
    const steps = guest.sections.flatMap((section) => section.steps);
    const unfollow = follow(guest, contents, machine.session, say);
    state.note(recordOf({ ...request, id: state.id }, 'vm', machine.pid));
    return runningMachine(state.id, machine, steps, timeline, async () => {
      unfollow();
      for (const why of await network.end('has run'))
        say(`${why}: from then on the box had no network`);
      await remove();
    });
  } catch (error) {
    await connected?.end('never ran');
    await remove();
    throw withSpace(error, state);
  } finally {
    for (const fd of connected?.cable ?? []) closeSync(fd);
  }
}

function withSpace(error: unknown, { directory }: BoxState): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return error;
  return new BoxError(`no space left for the micro-VM's files in ${directory}: free some`, {
    cause: error,
  });
}

async function removeTraces(
  { network }: BoxRequest,
  state: BoxState,
  cgroup: CgroupHost | undefined,
): Promise<void> {
  if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id));
  if (network !== undefined) await leaveNetworks(state);
  await state.remove();
}

function writeInitrd({ directory }: BoxState, pieces: readonly Uint8Array[]): string {
  mkdirSync(directory, { mode: 0o700 });
  const initrd = `${directory}/initrd`;
  writePieces(initrd, pieces);
  return initrd;
}

function readContents({ modules, names }: Guest, root: Contents['root']): Contents {
  return {
    init: readInit(),
    modules: modules.map(({ path }) => readFileSync(path)),
    names: names.map(({ source }) => readFileSync(source)),
    root,
  };
}

/** To QEMU: it may hold what only root may read of the image. */
function handOver(initrd: string, { nobody }: Premises, kernel: GuestKernel): void {
  chmodSync(initrd, 0o400);
  if (nobody.standsFor !== undefined) return;
  requireReadable(kernel);
  chownSync(initrd, nobody.uid, nobody.gid);
}

/** Has the guest hear of boxes that come and go. @returns what ends that. */
function follow(
  { names }: Guest,
  contents: Contents,
  session: Session,
  say: (message: string) => void,
): () => void {
  const at = names.findIndex(({ changes }) => changes);
  const [file, sent] = [names[at], contents.names[at]];
  if (file === undefined || sent === undefined) return () => undefined;
  try {
    return followHosts(file.source, sent, session);
  } catch (error) {
    say(
      `/etc/hosts of the micro-VM stays as it is now, whatever other boxes come (${(error as Error).message}): raise fs.inotify.max_user_watches and max_user_instances`,
    );
    return () => undefined;
  }
}

function runningMachine(
  id: string,
  machine: Machine,
  steps: readonly Step[],
  timeline: Timeline,
  remove: () => Promise<void>,
): Sandbox {
  return {
    id,
    pid: machine.pid,
    timeline,
    signal: (signal) => machine.session.signal(signal),
    resize: (size) => machine.session.resize(size),
    wait: async () => {
      const gone = Promise.race([
        machine.gone.then((): End => ({ kind: 'broken', why: 'QEMU ended' })),
        machine.monitor.stopped.then((): End => ({ kind: 'broken', why: 'QEMU stopped it' })),
      ]);
      const over = new AbortController();
      // What the guest said last may still be on its way when QEMU is gone already.
      const late = gone.then((end) => delayed(end, over.signal));
      const end = await Promise.race([machine.session.end, late]);
      over.abort();
      const words = machine.lastWords();
      markEnd(timeline, steps, end, machine.session.offset);
      await machine.end();
      await remove();
      timeline.mark('clean-up');
      return toExit(end, steps, words);
    },
  };
}

/** Milliseconds. */
const GRACE = 200;

/** Without an end to it the timer would keep tsbox running. */
async function delayed(end: End, over: AbortSignal): Promise<End> {
  await sleep(GRACE, undefined, { signal: over }).catch(() => undefined);
  return end;
}

/** Seconds within which a guest must say hello: a kernel that boots under TCG takes a few. */
const PATIENCE = { kvm: 10, tcg: 60 } as const;

/** Who hears of the boot, and can end it. */
interface Listener {
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  readonly say: (message: string) => void;
  readonly abort: AbortSignal | undefined;
}

/** A guest that shows no sign of life under KVM is tried again without. */
async function boot(
  request: Omit<MachineRequest, 'accelerator'>,
  listener: Listener,
): Promise<Machine> {
  const { accelerator, why } = chooseAccelerator();
  if (why !== undefined) listener.say(warning(why));
  const first = await attempt({ ...request, accelerator }, listener);
  if ('machine' in first) {
    if (accelerator === 'kvm') saveVerdict(true, '');
    return first.machine;
  }
  if (accelerator === 'tcg') throw notUp(first.words);
  const found = 'a guest did not come up under it';
  listener.say(warning(found));
  listener.timeline.mark('KVM tried');
  const second = await attempt({ ...request, accelerator: 'tcg' }, listener);
  if (!('machine' in second)) throw notUp(second.words);
  // Only now is it known that KVM is to blame, and not what the guest was given.
  saveVerdict(false, found);
  return second.machine;
}

/** @returns what was said at the end when the guest did not come up; nothing of it is left then. */
async function attempt(
  request: MachineRequest,
  { stdio, timeline, abort }: Listener,
): Promise<{ readonly machine: Machine } | { readonly words: string }> {
  const machine = await startMachine(request, stdio);
  void machine.monitor.ready.then((at) => timeline.mark('QEMU', at));
  const over = new AbortController();
  try {
    const hello = await Promise.race([
      machine.session.hello,
      machine.gone.then(() => undefined),
      machine.monitor.stopped.then(() => undefined),
      patience(request.accelerator, over.signal),
      ...(abort === undefined ? [] : [aborted(abort)]),
    ]);
    if (hello !== undefined) return { machine };
    const words = machine.lastWords();
    await machine.end();
    return { words };
  } catch (error) {
    await machine.end();
    throw error;
  } finally {
    over.abort();
  }
}

async function patience(accelerator: Accelerator, over: AbortSignal): Promise<undefined> {
  await sleep(PATIENCE[accelerator] * 1000, undefined, { signal: over }).catch(() => undefined);
}

/** @throws BoxError */
function aborted(abort: AbortSignal): Promise<never> {
  const error = new BoxError('the micro-VM was ended while it was starting');
  return new Promise((_, fail) => {
    if (abort.aborted) fail(error);
    abort.addEventListener('abort', () => fail(error), { once: true });
  });
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
  const told = decodeReport(end.report);
  if (told === undefined) return;
  const report = onOneClock(steps, told);
  timeline.mark('kernel', report.started + offset);
  timeline.mark('init', report.ended + offset, () => stepPhases(steps, report, offset));
  timeline.mark('workload', end.exit.now + offset);
}

/** wait(2): the signal in the low seven bits, the exit status in the second byte. */
function toExit(end: End, steps: readonly Step[], words: string): Exit {
  const SIGPIPE = 13;
  if (end.kind === 'unread') return { kind: 'signalled', signal: SIGPIPE, oomKilled: false };
  if (end.kind === 'unwritten')
    throw new BoxError(
      `${end.why}: what the workload writes is lost, and the micro-VM was ended: make room, or send it elsewhere`,
    );
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

/** The container driver: a box as an isolated process of this kernel. */
import { readSubordinateIds } from '../linux/caller-ids.ts';
import { lackingControllers } from '../plan/cgroup.ts';
import { type ContainerPlan, planContainer } from '../plan/container.ts';
import type { Host } from '../plan/host.ts';
import { removeAbandoned, removeBox } from '../sandbox/abandoned.ts';
import { BoxError } from '../sandbox/errors.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import { claimIds } from '../sandbox/own-ids.ts';
import { Refused } from '../sandbox/refusal.ts';
import type { Early, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import {
  type BoxState,
  claimState,
  ownStateDirectory,
  type StateDirectory,
} from '../sandbox/state.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { Box, BoxNetwork, BoxRequest } from '../spec/box.ts';
import { withUserNamespace } from '../spec/user-namespace.ts';
import type { HookTimes, Stage } from './hooks.ts';
import { launch } from './launch.ts';
import { attempts } from './retreat.ts';
import { checkKept } from './unkept.ts';

/**
 * Starts the workload.
 * @param timeline whose phases go up to now; the driver adds its own.
 * @param say told in a sentence each of what does not hinder the box.
 * @param early ends the copying of an image; everything else is done in a moment.
 * @param makePlan a container is data: another plan than tsbox's own can be carried out, too.
 * @throws BoxError when the box could not be made; nothing is left of it then.
 */
export async function startContainer(
  request: BoxRequest,
  stdio: Stdio,
  timeline: Timeline,
  say: (message: string) => void,
  early?: Early,
  makePlan: typeof planContainer = planContainer,
): Promise<Sandbox> {
  const parent = ownStateDirectory(process.env, process.geteuid?.() ?? 0);
  const host = await withFilter(readHost(request, parent.path), request);
  await removeAbandoned(parent, host.cgroup, say);
  let clone: ContainerPlan['clone'] = [];
  const planned: typeof planContainer = (...of) => {
    const plan = makePlan(...of);
    clone = plan.clone;
    return plan;
  };
  const told = new Set<string>();
  /** What hinders one attempt may hinder the next one, too. */
  const sayOnce = (message: string): void => {
    if (!told.has(message)) say(message);
    told.add(message);
  };
  try {
    return await attempts(request, host, sayOnce, (attempt, on) =>
      startOnce(attempt, on, { parent, stdio, timeline, say: sayOnce, early, makePlan: planned }),
    );
  } catch (error) {
    throw await withCause(error, clone);
  }
}

/** Probes find out why, and are loaded when they are needed. */
async function withCause(error: unknown, clone: ContainerPlan['clone']): Promise<unknown> {
  if (!(error instanceof Refused)) return error;
  const { explain } = await import('../causes/causes.ts');
  return explain(error, clone);
}

interface Circumstances {
  /** Directory of all boxes' state. */
  readonly parent: StateDirectory;
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  readonly say: (message: string) => void;
  readonly early: Early | undefined;
  readonly makePlan: typeof planContainer;
}

/** What networks need is loaded by boxes that have one. */
async function enter(
  network: BoxNetwork,
  spec: Box['spec'],
  parent: StateDirectory,
  state: BoxState,
  say: (message: string) => void,
): Promise<BoxNetwork> {
  const { enterNetwork } = await import('../sandbox/box-network.ts');
  try {
    return await enterNetwork(parent.path, state, network, spec, { say });
  } catch (error) {
    // It may be that part's own BoxError, which is another class.
    throw new BoxError((error as Error).message, { cause: error });
  }
}

async function startOnce(
  { spec, ids, network, lacks, ...others }: BoxRequest,
  host: Host,
  { parent, stdio, timeline, say, early, makePlan }: Circumstances,
): Promise<Sandbox> {
  const state = claimState(parent);
  if (lacks !== undefined) say(lacks);
  let on = host;
  let hooks: HookTimes | undefined;
  try {
    const maps = ids.own === 'no' ? ids : claimIds(state, readSubordinateIds());
    const asked: Box = { ...others, spec: withUserNamespace(spec, maps), id: state.id };
    on = await withLimits(asked, host, early);
    await checkKept(asked, on);
    const box: Box =
      network === undefined
        ? asked
        : { ...asked, network: await enter(network, asked.spec, parent, state, say) };
    const plan = makePlan(box, on);
    timeline.mark('plan');
    if (plan.before.some(({ call }) => call === 'copy'))
      say(
        'there is no overlayfs for it: the image is copied first, and the copy removed at the end',
      );
    if (box.spec.hooks !== undefined) hooks = await loadHooks({ box, plan, host: on, say, early });
    const sandbox = await launch(box, plan, {
      stdio,
      timeline,
      state,
      early,
      say,
      host: on,
      hooks,
    });
    return hooks === undefined ? sandbox : withStopped(sandbox, hooks);
  } catch (error) {
    await removeBox(state, on.cgroup, say);
    await hooks?.stopped();
    throw error;
  }
}

/** systemd is asked for a cgroup only where limits need one: it takes a while. */
async function withLimits({ spec, id }: Box, host: Host, early: Early | undefined): Promise<Host> {
  const { resources } = spec.linux;
  if (lackingControllers(resources, host.cgroup?.controllers ?? []).length === 0) return host;
  const { enterScope } = await import('../sandbox/systemd.ts');
  return enterScope(host, resources, id, early);
}

/** Few boxes have any; what executes them is a part of the program with classes of its own. */
async function loadHooks(stage: Stage): Promise<HookTimes> {
  const { hooksOf } = await import('./hooks.ts');
  const hooks = hooksOf(stage);
  const asBoxError = (cause: Error): never => {
    throw new BoxError(cause.message, { cause });
  };
  return {
    created: (pid) => hooks.created(pid).catch(asBoxError),
    starting: (pid) => hooks.starting(pid).catch(asBoxError),
    started: (pid) => hooks.started(pid).catch(asBoxError),
    stopped: hooks.stopped,
  };
}

function withStopped(sandbox: Sandbox, hooks: HookTimes): Sandbox {
  return {
    ...sandbox,
    wait: async (block) => {
      try {
        return await sandbox.wait(block);
      } finally {
        await hooks.stopped();
      }
    },
  };
}

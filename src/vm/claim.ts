/** What every micro-VM has on the host, whatever its machine comes from; and the end of that. */
import { closeSync, mkdirSync, readFileSync } from 'node:fs';
import { entryPath, makeCgroup, removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost, Host } from '../plan/host.ts';
import { leaveNetworks, removeAbandoned } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import type { Early, Stdio } from '../sandbox/sandbox.ts';
import { type BoxState, claimState, ownStateDirectory } from '../sandbox/state.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import type { Listener } from './boot.ts';
import type { NameFile } from './guest.ts';
import type { MachineBase } from './make-template.ts';
import { type Connected, connect } from './network.ts';
import { readPremises } from './premises.ts';
import type { Setting } from './program.ts';
import { refuseImpossible } from './refused.ts';

/** Who asks for the box. */
export interface Caller {
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  /** Told in a sentence each of what does not hinder the box. */
  readonly say: (message: string) => void;
  readonly early: Early | undefined;
}

/** A box that has a state, a cgroup and its place on its network. */
export interface Claimed {
  readonly state: BoxState;
  /** The box, with that place. */
  readonly box: BoxRequest;
  readonly host: Host;
  readonly arch: Host['arch'];
  readonly setting: Setting;
  readonly base: Omit<MachineBase, 'accelerator' | 'qemu' | 'acpi'>;
  readonly listener: Listener;
  /** Gives up what its machine, which is there now, has a copy of. */
  letGo(): void;
  /** Removes everything. @returns why the box had no network from some time on; a sentence each. */
  end(box: 'has run' | 'never ran'): Promise<string[]>;
}

/** @throws BoxError, and nothing is left. */
export async function claimBox(
  request: BoxRequest,
  { stdio, timeline, say, early }: Caller,
): Promise<Claimed> {
  const parent = ownStateDirectory(process.env, process.geteuid?.() ?? 0);
  const host = await withFilter(readHost(request, parent.path), request);
  await removeAbandoned(parent, host.cgroup, say);
  refuseImpossible(request, host.sources);
  const state = claimState(parent);
  if (request.lacks !== undefined) say(request.lacks);
  let network: Connected | undefined;
  let cable: number | undefined;
  const letGo = () => {
    if (cable !== undefined) closeSync(cable);
    cable = undefined;
  };
  const end: Claimed['end'] = async (box) => {
    letGo();
    const whys = await network?.end(box);
    await removeTraces(request, state, host.cgroup);
    return whys ?? [];
  };
  try {
    mkdirSync(state.directory, { mode: 0o700 });
    const premises = await readPremises(host, state.id);
    if (host.cgroup !== undefined) await carryOut(makeCgroup({}, host.cgroup, state.id));
    network = await connect(request, { boxes: parent.path, state, host, premises, say, early });
    cable = network.card?.cable;
    const setting = settingOf(state, host.cgroup);
    const base = {
      ...setting,
      premises,
      resources: request.spec.linux.resources,
      card: network.card,
      terminal: request.spec.process.terminal ?? false,
    };
    const listener = { stdio, timeline, say, abort: early?.abort };
    return { state, box: network.box, host, arch: host.arch, setting, base, listener, letGo, end };
  } catch (error) {
    await end('never ran');
    throw withSpace(error, state);
  }
}

function settingOf(state: BoxState, cgroup: CgroupHost | undefined): Setting {
  return {
    state,
    log: `${state.directory}/log`,
    cgroup: cgroup === undefined ? undefined : entryPath(cgroup, state.id),
  };
}

/** The files that its network has for it, as they are now. */
export function readNames({ network }: BoxRequest): NameFile[] {
  return (network?.files ?? []).map(({ source }) => ({ source, content: readFileSync(source) }));
}

export function withSpace(error: unknown, { directory }: BoxState): unknown {
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

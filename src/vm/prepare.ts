/** All that a micro-VM needs before its machine is made, and what is left of it in the end. */
import { closeSync, mkdirSync, readFileSync } from 'node:fs';
import { dataDirectory } from '../image/image.ts';
import { entryPath, makeCgroup, removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { leaveNetworks, removeAbandoned } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import type { Early, Stdio } from '../sandbox/sandbox.ts';
import { type BoxState, claimState, ownStateDirectory } from '../sandbox/state.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import type { Beginning } from './begin.ts';
import { diskOf, provideDisk } from './disk.ts';
import { type NameFile, planGuest } from './guest.ts';
import { initialFileSystem } from './initrd.ts';
import { findKernel, requireReadable } from './kernel.ts';
import { type Connected, connect } from './network.ts';
import { readPremises } from './premises.ts';
import type { Setting } from './program.ts';
import { refuseImpossible } from './refused.ts';
import { storeIn, whyNoStore } from './store.ts';
import { writePieces } from './write-pieces.ts';

/** What is known of a box that is about to begin, and what ends it. */
export interface Prepared {
  readonly state: BoxState;
  readonly beginning: Beginning;
  /** Gives up what its machine, which is there now, has a copy of. */
  letGo(): void;
  /** Removes everything. @returns why the box had no network from some time on; a sentence each. */
  end(box: 'has run' | 'never ran'): Promise<string[]>;
}

/**
 * @param timeline whose phases go up to now.
 * @throws BoxError, and nothing is left.
 */
export async function prepare(
  request: BoxRequest,
  { stdio, timeline, say, early }: Caller,
): Promise<Prepared> {
  const uid = process.geteuid?.() ?? 0;
  const parent = ownStateDirectory(process.env, uid);
  const host = await withFilter(readHost(request, parent.path), request);
  await removeAbandoned(parent, host.cgroup, say);
  refuseImpossible(request, host.sources);
  const data = dataDirectory(process.env, uid);
  const kernel = findKernel(data);
  const wanted = diskOf(request);
  const state = claimState(parent);
  if (request.lacks !== undefined) say(request.lacks);
  let network: Connected | undefined;
  let cable: number | undefined;
  const letGo = () => {
    if (cable !== undefined) closeSync(cable);
    cable = undefined;
  };
  const end: Prepared['end'] = async (box) => {
    letGo();
    const whys = await network?.end(box);
    await removeTraces(request, state, host.cgroup);
    return whys ?? [];
  };
  try {
    mkdirSync(state.directory, { mode: 0o700 });
    const premises = await readPremises(host, state.id);
    requireReadable(kernel, premises);
    if (host.cgroup !== undefined) await carryOut(makeCgroup({}, host.cgroup, state.id));
    const setting = settingOf(state, host.cgroup);
    network = await connect(request, { boxes: parent.path, state, host, premises, say, early });
    cable = network.card?.cable;
    const store = openStore(data, say);
    const around = { store, premises, setting, abort: early?.abort };
    const disk = wanted && (await provideDisk(wanted, around));
    const names = readNames(network.box);
    const guest = planGuest(network.box, disk ? 'disk' : 'shared', kernel, names, host);
    timeline.mark('plan');
    const initrd = writeInitrd(state, initialFileSystem(guest, host.arch));
    timeline.mark('prepare');
    const base = {
      ...setting,
      premises,
      resources: request.spec.linux.resources,
      card: network.card,
      terminal: request.spec.process.terminal ?? false,
    };
    const boots = { kernel: kernel.image, initrd };
    const listener = { stdio, timeline, say, abort: early?.abort };
    const { arch } = host;
    const snapshot = request.machine?.snapshot ?? 'auto';
    const beginning = { base, boots, store, disk, guest, arch, listener, snapshot };
    return { state, beginning, letGo, end };
  } catch (error) {
    await end('never ran');
    throw withSpace(error, state);
  }
}

/** Who asks for the box. */
export interface Caller {
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  /** Told in a sentence each of what does not hinder the box. */
  readonly say: (message: string) => void;
  readonly early: Early | undefined;
}

/** @returns undefined where nothing can be kept. */
function openStore(data: string, say: (message: string) => void): string | undefined {
  const store = storeIn(data);
  const why = whyNoStore(store);
  if (why === undefined) return store;
  say(
    `disks and templates of micro-VMs cannot be kept in ${store} (${why}), and are made anew each time: make it yours alone, or name another place in TSBOX_DATA`,
  );
  return undefined;
}

function settingOf(state: BoxState, cgroup: CgroupHost | undefined): Setting {
  return {
    state,
    log: `${state.directory}/log`,
    cgroup: cgroup === undefined ? undefined : entryPath(cgroup, state.id),
  };
}

/** The files that its network has for it, as they are now. */
function readNames({ network }: BoxRequest): NameFile[] {
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

function writeInitrd({ directory }: BoxState, pieces: readonly Uint8Array[]): string {
  const initrd = `${directory}/initrd`;
  writePieces(initrd, pieces);
  return initrd;
}

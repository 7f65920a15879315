/** The VM driver: a box as a micro-VM, whose init carries out the same plan. */
import { closeSync, mkdirSync, readFileSync } from 'node:fs';
import { dataDirectory } from '../image/image.ts';
import { entryPath, makeCgroup, removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { leaveNetworks, removeAbandoned } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { BoxError } from '../sandbox/errors.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import { recordOf } from '../sandbox/record.ts';
import type { Early, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { type BoxState, claimState, ownStateDirectory } from '../sandbox/state.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { beginWorkload } from './begin.ts';
import { diskOf, provideDisk } from './disk.ts';
import { type Guest, type NameFile, planGuest } from './guest.ts';
import { followHosts } from './hosts.ts';
import { initialFileSystem } from './initrd.ts';
import { findKernel, requireReadable } from './kernel.ts';
import { type Connected, connect } from './network.ts';
import { readPremises } from './premises.ts';
import type { Setting } from './program.ts';
import { refuseImpossible } from './refused.ts';
import { runningMachine } from './running.ts';
import type { Session } from './session.ts';
import { storeIn, whyNoStore } from './store.ts';
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
  await removeAbandoned(parent, host.cgroup, say);
  refuseImpossible(request, host.sources);
  const data = dataDirectory(process.env, uid);
  const kernel = findKernel(data);
  const wanted = diskOf(request);
  const state = claimState(parent);
  if (request.lacks !== undefined) say(request.lacks);
  let network: Connected | undefined;
  try {
    mkdirSync(state.directory, { mode: 0o700 });
    const premises = await readPremises(host, state.id);
    requireReadable(kernel, premises);
    if (host.cgroup !== undefined) await carryOut(makeCgroup({}, host.cgroup, state.id));
    const setting = settingOf(state, host.cgroup);
    network = await connect(request, { boxes: parent.path, state, host, premises, say, early });
    const store = openStore(data, say);
    const around = { store, premises, setting, abort: early?.abort };
    const disk = wanted && (await provideDisk(wanted, around));
    const names = readNames(network.box);
    const guest = planGuest(network.box, disk ? 'disk' : 'shared', kernel, names, host);
    timeline.mark('plan');
    const initrd = writeInitrd(state, initialFileSystem(guest, host.arch));
    timeline.mark('prepare');
    const begun = await beginWorkload({
      base: {
        ...setting,
        premises,
        resources: request.spec.linux.resources,
        card: network.card,
        terminal: request.spec.process.terminal ?? false,
      },
      boots: { kernel: kernel.image, initrd },
      store,
      disk,
      guest,
      arch: host.arch,
      listener: { stdio, timeline, say, abort: early?.abort },
    });
    const { machine } = begun;
    const unfollow = follow(guest, machine.session, say);
    state.note(recordOf({ ...request, id: state.id }, 'vm', machine.pid));
    const connected = network;
    return runningMachine(state.id, begun, timeline, async () => {
      unfollow();
      for (const why of await connected.end('has run'))
        say(`${why}: from then on the box had no network`);
      await removeTraces(request, state, host.cgroup);
    });
  } catch (error) {
    await network?.end('never ran');
    await removeTraces(request, state, host.cgroup);
    throw withSpace(error, state);
  } finally {
    if (network?.card !== undefined) closeSync(network.card.cable);
  }
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
  const initrd = `${directory}/initrd`;
  writePieces(initrd, pieces);
  return initrd;
}

/** Has the guest hear of boxes that come and go. @returns what ends that. */
function follow({ followed }: Guest, session: Session, say: (message: string) => void): () => void {
  if (followed === undefined) return () => undefined;
  try {
    return followHosts(followed.source, followed.content, session);
  } catch (error) {
    say(
      `/etc/hosts of the micro-VM stays as it is now, whatever other boxes come (${(error as Error).message}): raise fs.inotify.max_user_watches and max_user_instances`,
    );
    return () => undefined;
  }
}

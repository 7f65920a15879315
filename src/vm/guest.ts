/** The same box, as the guest sees it: its plan, and the files that it needs from the host. */
import { basename } from 'node:path';
import { isDefaultDevice } from '../plan/devices.ts';
import { encodePlan } from '../plan/encode.ts';
import { guestCgroup } from '../plan/guest-cgroup.ts';
import type { Host } from '../plan/host.ts';
import { isolationSections } from '../plan/isolate.ts';
import { wantsLabels } from '../plan/labels.ts';
import { machineSections } from '../plan/machine.ts';
import { isPropagated, reachOf } from '../plan/mount-words.ts';
import type { Section } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import { type Box, type BoxNetwork, type BoxRequest, placeOf } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import type { Mount } from '../spec/spec.ts';
import { type CpioEntry, cpioArchive, directoryEntry, fileEntry } from './cpio.ts';
import { findModules, type GuestKernel, type Module } from './kernel.ts';
import { unlikeContainer } from './unlike-container.ts';
import { refusedSharing } from './unshared.ts';

/** A directory of the host's that virtiofsd serves under a tag. */
export interface HostShare {
  readonly tag: string;
  readonly source: string;
  readonly readonly: boolean;
}

/**
 * How the root file system comes to the guest: `archived`, inside the initial one, in memory; or
 * `shared`, served by virtiofsd.
 */
export type RootTransport = 'archived' | 'shared';

export interface Guest {
  readonly sections: readonly Section[];
  readonly shares: readonly HostShare[];
  readonly modules: readonly Module[];
  /** Files of the host's that travel in the initial root file system, at {@link NAMES}. */
  readonly names: readonly NameFile[];
}

interface NameFile {
  readonly name: string;
  readonly source: string;
  /** Whether it does while the box runs. */
  readonly changes: boolean;
}

/** What goes into the initial root file system. */
export interface Contents {
  readonly init: Uint8Array;
  /** Of the guest's modules and names, in their order. */
  readonly modules: readonly Uint8Array[];
  readonly names: readonly Uint8Array[];
  /** Entries of an archived root file system. */
  readonly root: readonly CpioEntry[];
}

/** What is as on the host: the architecture, and the filter of the same profile. */
export type GuestFacts = Pick<Host, 'arch'> & {
  readonly seccomp: Host['seccomp'] | undefined;
};

const ANCHOR = '/run/box';

/** Where an archived root file system lies in the initial one. */
export const ARCHIVED_ROOT = 'image';

/** Where /etc/hosts and /etc/resolv.conf of the workload lie in it. */
const NAMES = 'names';

/** Of a box that has its place on a network, if it asked for one, and that {@link refuseImpossible} lets pass. */
export function planGuest(
  { spec, layer, init, network: asked }: BoxRequest,
  transport: RootTransport,
  kernel: GuestKernel,
  { arch, seccomp }: GuestFacts,
): Guest {
  const archived = transport === 'archived';
  const shares = [
    ...(archived ? [] : [{ tag: 'root', source: spec.root.path, readonly: layer === 'ephemeral' }]),
    ...spec.mounts.flatMap((mount, index) =>
      mount.type === 'bind'
        ? [{ tag: `volume${index}`, source: mount.source, readonly: isReadonly(mount) }]
        : [],
    ),
  ];
  const mounts = spec.mounts.map((mount, index) =>
    mount.type === 'bind' ? { ...mount, source: `/run/volume${index}` } : mount,
  );
  const network = asked && inGuest(asked);
  const names = asked === undefined ? [] : nameFiles(asked);
  const root = { ...spec.root, path: archived ? `/${ARCHIVED_ROOT}` : '/run/root' };
  const box: Box = {
    id: 'guest',
    ...(init ? { init } : {}),
    ...(network === undefined ? {} : { network }),
    // What is written into the guest's own memory is gone with it.
    layer: archived ? 'writable' : layer,
    // Of devices, the guest's kernel has its own. No filter is needed there: what a root in the guest
    // could open through a node is the machine's, and the machine is what keeps it from the host.
    spec: { ...spec, mounts, root, linux: { ...spec.linux, devices: [] } },
  };
  const host: Host = {
    arch,
    overlay: true,
    anchor: ANCHOR,
    caller: { kind: 'root', uid: 0, gid: 0, keepsGroups: false },
    mountApi: 'descriptors',
    cgroup: { mount: '/sys/fs/cgroup', top: '/sys/fs/cgroup', controllers: [] },
    sources: new Map(mounts.map(({ source }) => [source, 'directory'])),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
  const modules = findModules(kernel.modules, driversOf(box, shares));
  const machine = machineSections(arch, {
    modules: modules.map(({ name }) => `/modules/${name}`),
    shares: shares.map(({ tag, readonly }) => ({ tag, path: `/run/${tag}`, readonly })),
    anchor: ANCHOR,
    terminal: spec.process.terminal ?? false,
    hosts: names.some(({ changes }) => changes) ? `/${NAMES}/hosts` : undefined,
  });
  const limits = guestCgroup(arch, spec.linux.resources);
  const sections = [...machine, ...limits, ...isolationSections(box, host, 'guest')];
  return { sections, shares, modules, names };
}

/** One without a network has no neighbours: its names do not change. */
function nameFiles({ files = [], attachment }: BoxNetwork): NameFile[] {
  return files.map(({ source }) => {
    const name = basename(source);
    return { name, source, changes: attachment !== undefined && name === 'hosts' };
  });
}

/** With its files where the guest has them. */
function inGuest(network: BoxNetwork): BoxNetwork {
  const files = (network.files ?? []).map(({ source, destination }) => ({
    source: `/${NAMES}/${basename(source)}`,
    destination,
  }));
  return { ...network, files };
}

function driversOf({ layer, network }: Box, shares: readonly HostShare[]): string[] {
  return [
    'virtio_mmio',
    ...(shares.length > 0 ? ['virtiofs'] : []),
    ...(layer === 'ephemeral' ? ['overlay'] : []),
    ...(placeOf(network) === undefined ? [] : ['virtio_net']),
    // The last: by then nothing else makes devices (src/plan/machine.ts).
    'virtio_console',
  ];
}

function isReadonly({ options }: Mount): boolean {
  return options.includes('ro') || options.includes('rro');
}

/** What the guest's kernel, which does not mount the host's file systems, cannot do to them. */
function refusalOf(mount: Mount): string | undefined {
  if (mount.type !== 'bind') return undefined;
  if (isPropagated(mount))
    return 'slave and shared: what is mounted on the host and in a guest does not reach the other side';
  if (reachOf(mount) === 'this mount')
    return 'bind: a guest gets the directory with all that is mounted in it';
  const times = mount.options.find((word) => /time$/.test(word));
  if (times !== undefined)
    return `${times.replace(/^r(?!elatime)/, '')}: the host keeps the times of files, and reads them for the guest`;
  return undefined;
}

/** @throws BoxError or SpecError for what a micro-VM cannot do. */
export function refuseImpossible(request: BoxRequest, sources: Host['sources']): void {
  const { spec, ids, watch } = request;
  const { seccomp } = spec.linux;
  const refused = [...unlikeContainer(spec), ...refusedSharing(request)];
  if (refused.length > 0) throw new SpecError(refused);
  if (watch !== undefined)
    throw new BoxError(
      '--seccomp-log or a recording with --vm: the calls would have to be heard of inside the guest, which tsbox does not do: run it as a container',
    );
  if (typeof seccomp === 'object' && seccomp.listenerPath !== undefined)
    throw new BoxError(
      'a seccomp profile with listenerPath with --vm: a listener cannot leave the guest: run it as a container',
    );
  if (ids.asked || spec.linux.uidMappings.length > 0)
    throw new BoxError(
      '--userns, --uidmap, --gidmap and idmap with --vm: the machine is the boundary already, and has all ids: leave them out',
    );
  if (wantsLabels(spec))
    throw new BoxError(
      "--security-opt apparmor and label with --vm: the guest's kernel has no policy that knows them: leave them out",
    );
  const device = spec.linux.devices.find((each) => !isDefaultDevice(each));
  if (device !== undefined)
    throw new BoxError(
      `--device ${device.source ?? device.path} with --vm: a device of the host cannot be handed to a micro-VM, whose kernel has devices of its own: run it as a container`,
    );
  for (const mount of spec.mounts) {
    const why = refusalOf(mount);
    if (why !== undefined)
      throw new BoxError(`--volume ${mount.source} with --vm: ${why}: leave it out`);
  }
  for (const [source, kind] of sources)
    if (kind === 'file')
      throw new BoxError(
        `--volume ${source} with --vm: only directories can be shared with a micro-VM: give the directory that holds it`,
      );
}

/** The guest's initial root file system, in pieces. */
export function initialFileSystem(
  guest: Guest,
  arch: Host['arch'],
  { init, modules, names, root }: Contents,
): Uint8Array[] {
  const plan = encodePlan(
    guest.sections.flatMap((section) => section.steps),
    arch,
  );
  return cpioArchive([
    ...['dev', 'proc', 'run', 'modules', NAMES].map(directoryEntry),
    fileEntry('init', init, 0o755),
    fileEntry('plan', plan),
    ...modules.map((content, index) => fileEntry(`modules/${guest.modules[index]?.name}`, content)),
    ...names.map((content, index) => fileEntry(`${NAMES}/${guest.names[index]?.name}`, content)),
    ...root,
  ]);
}

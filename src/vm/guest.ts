/** The same box, as the guest sees it: the plans of its init, and what it needs from the host. */
import { basename } from 'node:path';
import { guestCgroup } from '../plan/guest-cgroup.ts';
import type { Host } from '../plan/host.ts';
import { isolationSections } from '../plan/isolate.ts';
import {
  diskSections,
  machineSections,
  type SuppliedFile,
  supplySections,
} from '../plan/machine.ts';
import { renewSections } from '../plan/renew.ts';
import type { Section } from '../plan/step.ts';
import { type Box, type BoxNetwork, type BoxRequest, placeOf } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import { findModules, type GuestKernel, type Module } from './kernel.ts';

/** A directory of the host's that virtiofsd serves under a tag. */
export interface HostShare {
  readonly tag: string;
  readonly source: string;
  readonly readonly: boolean;
}

/** How the root file system comes to the guest: as its `disk`, or `shared`, served by virtiofsd. */
export type RootTransport = 'disk' | 'shared';

export interface Guest {
  /** The machine's own plan, with which it boots. */
  readonly machine: readonly Section[];
  /** Then comes that of the image, which is its disk; empty when it is shared. */
  readonly disk: readonly Section[];
  /** And then the box's. */
  readonly box: readonly Section[];
  readonly shares: readonly HostShare[];
  readonly modules: readonly Module[];
}

/** /etc/hosts or /etc/resolv.conf of the workload. */
export interface NameFile {
  /** On the host. */
  readonly source: string;
  readonly content: Uint8Array;
}

/** What is as on the host: the architecture, and the filter of the same profile. */
export type GuestFacts = Pick<Host, 'arch' | 'seccomp'>;

/** All that its init carries out, in this order. */
export function sectionsOf({ machine, disk, box }: Guest, arch: Host['arch']): Section[] {
  const fresh = { time: 0n, entropy: new Uint8Array() };
  return [...machine, ...disk, ...renewSections(arch, fresh), ...box];
}

const ANCHOR = '/run/box';

/** Where the image is in the guest, however it comes there. */
const IMAGE = '/run/root';

/**
 * Of a box that has its place on a network, if it asked for one, and that refuseImpossible() lets pass.
 * @param names the files that its network has for it, in their order.
 */
export function planGuest(
  { spec, layer, init, network: asked }: BoxRequest,
  transport: RootTransport,
  kernel: GuestKernel,
  names: readonly NameFile[],
  { arch, seccomp }: GuestFacts,
): Guest {
  const shares = [
    ...(transport === 'disk'
      ? []
      : [{ tag: 'root', source: spec.root.path, readonly: layer === 'ephemeral' }]),
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
  const box: Box = {
    id: 'guest',
    ...(init ? { init } : {}),
    ...(network === undefined ? {} : { network }),
    layer,
    // Of devices, the guest's kernel has its own. No filter is needed there: what a root in the guest
    // could open through a node is the machine's, and the machine is what keeps it from the host.
    spec: {
      ...spec,
      mounts,
      root: { ...spec.root, path: IMAGE },
      linux: { ...spec.linux, devices: [] },
    },
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
  const modules = findModules(kernel.modules, driversOf(box, transport, shares));
  const files = names.map((file) => supply(file, asked));
  const supplies = supplySections(arch, {
    shares: shares.map(({ tag, readonly }) => ({ tag, path: `/run/${tag}`, readonly })),
    files,
    terminal: spec.process.terminal ?? false,
  });
  return {
    machine: machineSections(
      arch,
      modules.map(({ name }) => `/modules/${name}`),
      ANCHOR,
    ),
    disk: transport === 'disk' ? diskSections(IMAGE) : [],
    box: [
      ...supplies,
      ...guestCgroup(arch, spec.linux.resources),
      ...isolationSections(box, host, 'guest'),
    ],
    shares,
    modules,
  };
}

function supply({ source, content }: NameFile, network: BoxNetwork | undefined): SuppliedFile {
  return { path: suppliedAt(source), content, changes: changes(source, network) };
}

/** Whether the host changes such a file. One without a network has no neighbours: its names do not change. */
export function changes(source: string, network: BoxNetwork | undefined): boolean {
  return network?.attachment !== undefined && basename(source) === 'hosts';
}

/** Where the guest has such a file of the host's. */
export function suppliedAt(source: string): string {
  return `/run/${basename(source)}`;
}

/** With its files where the guest has them. */
function inGuest(network: BoxNetwork): BoxNetwork {
  const files = (network.files ?? []).map(({ source, destination }) => ({
    source: suppliedAt(source),
    destination,
  }));
  return { ...network, files };
}

function driversOf(
  { layer, network }: Box,
  transport: RootTransport,
  shares: readonly HostShare[],
): string[] {
  return [
    'virtio_mmio',
    ...(transport === 'disk' ? ['virtio_blk', 'erofs'] : []),
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

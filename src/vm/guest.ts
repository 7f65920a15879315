/** The same box, as the guest sees it: its plan, and the directories that it needs from the host. */
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { isolationSections } from '../plan/isolate.ts';
import { machineSections } from '../plan/machine.ts';
import type { Section } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Box } from '../spec/box.ts';
import { cpioArchive, directoryEntry, fileEntry } from './cpio.ts';
import type { GuestKernel } from './kernel.ts';

/** A directory of the host's that virtiofsd serves under a tag. */
export interface HostShare {
  readonly tag: string;
  readonly source: string;
  readonly readonly: boolean;
}

export interface Guest {
  readonly sections: readonly Section[];
  readonly shares: readonly HostShare[];
}

const ANCHOR = '/run/box';

/** @throws BoxError for what a micro-VM cannot do. */
export function planGuest(
  request: Pick<Box, 'spec' | 'layer'>,
  kernel: GuestKernel,
  arch: Host['arch'],
  sources: Host['sources'],
): Guest {
  const { spec, layer } = request;
  refuseImpossible(request, sources);
  const root = { tag: 'root', source: spec.root.path, readonly: layer === 'ephemeral' };
  const volumes = spec.mounts.flatMap((mount, index) =>
    mount.type === 'bind'
      ? [{ tag: `volume${index}`, source: mount.source, readonly: mount.options.includes('ro') }]
      : [],
  );
  const inside = (index: number) => `/run/volume${index}`;
  const mounts = spec.mounts.map((mount, index) =>
    mount.type === 'bind' ? { ...mount, source: inside(index) } : mount,
  );
  const box: Box = {
    id: 'guest',
    layer,
    spec: { ...spec, mounts, root: { ...spec.root, path: '/run/root' } },
  };
  const host: Host = {
    arch,
    overlay: true,
    anchor: ANCHOR,
    cgroup: { mount: '/sys/fs/cgroup', controllers: [] },
    sources: new Map(mounts.map(({ source }) => [source, 'directory'])),
  };
  const shares = [root, ...volumes];
  const machine = machineSections(
    arch,
    kernel.modules.map(({ name }) => `/modules/${name}`),
    shares.map(({ tag, readonly }) => ({ tag, path: `/run/${tag}`, readonly })),
    ANCHOR,
  );
  return { sections: [...machine, ...isolationSections(box, host, 'guest')], shares };
}

function refuseImpossible({ spec }: Pick<Box, 'spec'>, sources: Host['sources']): void {
  if (spec.linux.uidMappings.length > 0)
    throw new BoxError(
      '--userns=auto with --vm: the machine is the boundary already: leave one of them out',
    );
  for (const [source, kind] of sources)
    if (kind === 'file')
      throw new BoxError(
        `--volume ${source} with --vm: only directories can be shared with a micro-VM: give the directory that holds it`,
      );
}

/** The guest's initial root file system. */
export function initialFileSystem(
  guest: Guest,
  arch: Host['arch'],
  init: Uint8Array,
  modules: readonly { readonly name: string; readonly content: Uint8Array }[],
): Buffer {
  const plan = encodePlan(
    guest.sections.flatMap((section) => section.steps),
    arch,
  );
  return cpioArchive([
    ...['dev', 'proc', 'run', 'modules'].map(directoryEntry),
    fileEntry('init', init, 0o755),
    fileEntry('plan', plan),
    ...modules.map(({ name, content }) => fileEntry(`modules/${name}`, content)),
  ]);
}

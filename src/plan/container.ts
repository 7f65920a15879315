/** The whole of a container: what the parent does, the clone, and what the child does. */
import type { cloneFlags } from '../abi/flags.ts';
import type { Box } from '../spec/box.ts';
import type { HostAction } from './action.ts';
import { accountPath, entryPath, makeCgroup, removeCgroup } from './cgroup.ts';
import { filterDevices } from './device-filter.ts';
import type { Host } from './host.ts';
import { mapIds } from './id-maps.ts';
import { isolationSections } from './isolate.ts';
import { mapMounts } from './mapped.ts';
import { lendFiles } from './names.ts';
import { type Joined, joinedNamespaces, newNamespaces } from './namespaces.ts';
import { moveDevices } from './net-devices.ts';
import { attach } from './network.ts';
import type { Section } from './step.ts';

export type CloneFlag = keyof typeof cloneFlags;

export interface ContainerPlan {
  /** By the parent, before the clone. */
  readonly before: readonly HostAction[];
  readonly clone: readonly CloneFlag[];
  /** Where the parent is while it clones. */
  readonly joined: readonly Joined[];
  /** Directories of the cgroup into which the child is cloned, and of the one that has the account. */
  readonly cgroup?: { readonly entry: string; readonly account: string };
  /** By the parent, while the child waits for it. */
  readonly during: readonly HostAction[];
  /** By the child, up to the workload. */
  readonly sections: readonly Section[];
  /** By the parent, when the child has ended. */
  readonly after: readonly HostAction[];
}

export function planContainer(box: Box, host: Host): ContainerPlan {
  const copied = box.layer === 'ephemeral' && !host.overlay && !host.rootServer;
  const seen = copied ? withRoot(box, `${host.anchor}/${box.id}`) : box;
  return {
    before: [
      ...(host.cgroup === undefined
        ? []
        : [
            ...makeCgroup(box.spec.linux.resources, host.cgroup, box.id),
            filterDevices(box, host.cgroup),
          ]),
      ...(copied ? [copyRoot(box, seen.spec.root.path)] : []),
    ],
    clone: [
      'CLONE_VM',
      'CLONE_VFORK',
      'CLONE_PIDFD',
      ...(host.cgroup === undefined ? [] : ['CLONE_INTO_CGROUP' as const]),
      ...newNamespaces(box.spec.linux),
    ],
    joined: joinedNamespaces(box.spec.linux),
    ...(host.cgroup === undefined
      ? {}
      : {
          cgroup: {
            entry: entryPath(host.cgroup, box.id),
            account: accountPath(host.cgroup, box.id),
          },
        }),
    during: [
      ...mapIds(box, host),
      ...mapMounts(seen, host),
      ...lendFiles(box, host),
      ...attach(box),
      ...moveDevices(box),
    ],
    sections: isolationSections(seen, host, 'container'),
    after: host.cgroup === undefined ? [] : removeCgroup(host.cgroup, box.id),
  };
}

function withRoot(box: Box, path: string): Box {
  return { ...box, spec: { ...box.spec, root: { ...box.spec.root, path } } };
}

function copyRoot(box: Box, to: string): HostAction {
  return {
    call: 'copy',
    path: box.spec.root.path,
    to,
    why: 'there is no overlayfs for it: the workload writes into a copy of the image',
  };
}

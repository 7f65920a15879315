/** What a micro-VM cannot share with the host, or keep to, whose kernel is another: a sentence each. */

import type { BoxRequest } from '../spec/box.ts';
import { defaultNamespaces } from '../spec/defaults.ts';
import type { NamespaceType } from '../spec/spec.ts';

const flags: Readonly<Partial<Record<NamespaceType, string>>> = {
  pid: '--pid',
  ipc: '--ipc',
  uts: '--uts',
  cgroup: '--cgroupns',
};

export function refusedSharing({ spec, preserved }: BoxRequest): string[] {
  const { namespaces, resources } = spec.linux;
  const own = (type: NamespaceType) =>
    namespaces.some((each) => each.type === type && each.path === undefined);
  const shared = defaultNamespaces.flatMap((type) => (own(type) ? [] : (flags[type] ?? [])));
  const { memory, cpu } = resources;
  const limits = {
    '--memory-reservation': memory?.reservation,
    '--memory-swap': memory?.swap,
    '--cpu-shares': cpu?.shares,
    '--cpuset-cpus': cpu?.cpus,
    '--cpuset-mems': cpu?.mems,
  };
  return [
    ...shared.map(
      (flag) =>
        `${flag} with --vm: the guest's kernel has namespaces of its own, and none of the host's: leave it out`,
    ),
    ...Object.entries(limits).flatMap(([flag, value]) =>
      value === undefined
        ? []
        : [
            `${flag} with --vm: the guest's memory and processors are set by --memory and --cpus alone: leave it out`,
          ],
    ),
    ...((preserved ?? 0) === 0
      ? []
      : ['--preserve-fds with --vm: no descriptor reaches the guest: share a directory by -v']),
  ];
}

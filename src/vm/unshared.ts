/** What flags ask of a container and a micro-VM cannot give, beside what a specification says: a sentence each. */
import type { BoxRequest } from '../spec/box.ts';

export function refusedSharing({ spec, bundle, preserved }: BoxRequest): string[] {
  // A bundle's configuration without that namespace says nothing of the host's.
  const ofFlags = bundle === undefined;
  const own = spec.linux.namespaces.some(({ type }) => type === 'cgroup');
  return [
    ...(own || !ofFlags
      ? []
      : [
          '--cgroupns host with --vm: a guest has cgroups of its own, and sees none of the host’s: leave it out',
        ]),
    ...((preserved ?? 0) === 0
      ? []
      : ['--preserve-fds with --vm: no descriptor reaches the guest: share a directory by -v']),
  ];
}

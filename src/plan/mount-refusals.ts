/** Mounts that were asked for and that this host cannot make as they are meant. */

import { volumeName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import type { Host } from './host.ts';
import { isImageMapped, isMapped } from './mapped.ts';
import { isPropagated, propagationOf, reachOf } from './mount-words.ts';

/** Refusals, a sentence each: what, why, what to do. */
export function unkeptMounts(box: Pick<Box, 'spec' | 'bundle'>, host: Host): string[] {
  const { spec } = box;
  const volumes = spec.mounts.filter(({ type }) => type === 'bind');
  return [
    ...volumes.filter(isPropagated).flatMap((mount) => unkeptPropagation(mount, box, host)),
    ...(host.mountApi === 'paths' ? unkeptByPaths(box, volumes, host) : []),
  ];
}

/** A mount is the slave, or the peer, of a shared one only: mount_namespaces(7), "SHARED SUBTREES". */
function unkeptPropagation(
  mount: Mount,
  { spec: { linux }, ...asker }: Pick<Box, 'spec' | 'bundle'>,
  host: Host,
): string[] {
  const name = volumeName(mount, asker);
  const around = host.sourceMounts?.get(mount.source);
  const word = propagationOf(mount)?.value === 'MS_SHARED' ? 'shared' : 'slave';
  if (word === 'shared' && linux.uidMappings.length > 0)
    return [
      `${name}: shared: nothing that is mounted in a user namespace reaches the host; use slave${host.caller.kind === 'user' ? '' : ', or --userns=host'}`,
    ];
  if (around === undefined || around.propagation === 'shared') return [];
  if (word === 'slave' && around.propagation === 'slave') return [];
  return [
    `${name}: ${word}: ${around.point}, on which ${mount.source} lies, is not a shared mount, so that nothing would reach the other side; make it one by \`mount --make-shared ${around.point}\``,
  ];
}

const tooOld = 'the calls for it (mount_setattr, Linux 5.12) are refused here';

/** What mounts-by-path.ts cannot do, or not safely. */
function unkeptByPaths(
  { spec, ...asker }: Pick<Box, 'spec' | 'bundle'>,
  volumes: readonly Mount[],
  host: Host,
): string[] {
  const nested = (path: string) => host.sourceMounts?.get(path)?.nested === true;
  return [
    ...(isImageMapped(spec, host)
      ? [`a user namespace: its files cannot be mapped: ${tooOld}; use --userns=host`]
      : []),
    ...(nested(spec.root.path)
      ? [
          `${spec.root.path}: mounts lie in it, to which nodev cannot be given: ${tooOld}; use a directory without`,
        ]
      : []),
    ...volumes.flatMap((mount) => {
      const name = volumeName(mount, asker);
      if (isMapped(mount)) return [`${name}: idmap: ${tooOld}; leave it out`];
      if (isPropagated(mount)) return [`${name}: slave and shared: ${tooOld}; leave them out`];
      return nested(mount.source) && reachOf(mount) === 'recursive'
        ? [
            `${name}: mounts lie in it, to which nosuid, nodev or ro cannot be given: ${tooOld}; use bind, which leaves them out`,
          ]
        : [];
    }),
  ];
}

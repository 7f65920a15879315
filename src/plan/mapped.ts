/**
 * Mounts whose owners are mapped to the box's ids (mount_setattr(2), "ID-mapped mounts"). Only tsbox
 * itself may make them, on the host: the box finds each at a fixed descriptor.
 */
import type { Box } from '../spec/box.ts';
import type { Mount, Spec } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
import { inherit } from './calls.ts';
import { foreignMounts, makeForeign } from './foreign-mounts.ts';
import type { Host } from './host.ts';
import type { Reach } from './mount-calls.ts';
import { reachOf } from './mount-words.ts';
import { receivedDescriptor } from './parent.ts';
import type { Call } from './step.ts';

/** By the parent, once the box's user namespace has its maps. */
export function mapMounts(box: Box, host: Pick<Host, 'arch' | 'caller'>): HostAction[] {
  const mapped = mappedPaths(box, host).map(
    ({ path, reach, why }) => ({ call: 'idmap', path, reach, why }) as const,
  );
  return [...mapped, ...makeForeign(box, host)];
}

/** A mount that {@link makeForeign} has made: after the mapped ones. */
export function inheritForeign(box: Box, host: Pick<Host, 'caller'>, mount: Mount): Call {
  const index = mappedPaths(box, host).length + foreignMounts(box).indexOf(mount);
  return inherit(receivedDescriptor(index, box.preserved));
}

/**
 * The image is the first of them. Files of a user without privileges, and of root of an inner user
 * namespace, belong to the right ids as they are: root of the box is whoever they belong to.
 */
export function isImageMapped({ linux }: Spec, { caller }: Pick<Host, 'caller'>): boolean {
  return caller.kind === 'root' && linux.uidMappings.length > 0;
}

export function isMapped(mount: Mount): boolean {
  return mount.options.includes('idmap');
}

export function inheritImage(): Call {
  return inherit(receivedDescriptor(0));
}

export function inheritVolume(box: Box, host: Pick<Host, 'caller'>, mount: Mount): Call {
  const before = isImageMapped(box.spec, host) ? 1 : 0;
  const index = before + box.spec.mounts.filter(isMapped).indexOf(mount);
  return inherit(receivedDescriptor(index, box.preserved));
}

interface MappedPath {
  readonly path: string;
  readonly reach: Reach;
  readonly why: string;
}

function mappedPaths(box: Box, host: Pick<Host, 'caller'>): MappedPath[] {
  const image: MappedPath = {
    path: box.spec.root.path,
    reach: 'recursive',
    why: "the image's files belong to the box's ids, without changing them",
  };
  const volumes = box.spec.mounts.filter(isMapped).map((mount) => ({
    path: mount.source,
    reach: reachOf(mount),
    why: `files of ${mount.destination} belong to the box's ids, without changing them`,
  }));
  return isImageMapped(box.spec, host) ? [image, ...volumes] : volumes;
}

/**
 * Mounts whose owners are mapped to the box's ids (mount_setattr(2), "ID-mapped mounts"). Only tsbox
 * itself may make them, on the host: the box finds each at a fixed descriptor.
 */
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
import { inherit, type Reach } from './calls.ts';
import { reachOf } from './mount-words.ts';
import type { Call } from './step.ts';

/** First of their descriptors (launch.ts). */
const FIRST_DESCRIPTOR = 6;

export function mapMounts(box: Box): HostAction[] {
  return mappedPaths(box).map(({ path, reach, why }) => ({ call: 'idmap', path, reach, why }));
}

/** The image is the first of them. */
export function isImageMapped(box: Box): boolean {
  return box.spec.linux.uidMappings.length > 0;
}

export function isMapped(mount: Mount): boolean {
  return mount.options.includes('idmap');
}

export function inheritImage(): Call {
  return inherit(FIRST_DESCRIPTOR);
}

export function inheritVolume(box: Box, mount: Mount): Call {
  const before = isImageMapped(box) ? 1 : 0;
  return inherit(FIRST_DESCRIPTOR + before + box.spec.mounts.filter(isMapped).indexOf(mount));
}

interface MappedPath {
  readonly path: string;
  readonly reach: Reach;
  readonly why: string;
}

function mappedPaths(box: Box): MappedPath[] {
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
  return isImageMapped(box) ? [image, ...volumes] : volumes;
}

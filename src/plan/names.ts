/**
 * /etc/hosts and /etc/resolv.conf of a box: files of tsbox's, over the image's, which stay as they
 * are. The box cannot write to them, as tsbox does when a box comes or goes.
 */
import type { Box } from '../spec/box.ts';
import type { HostAction } from './action.ts';
import { HERE } from './arguments.ts';
import { inherit } from './calls.ts';
import type { Host } from './host.ts';
import { fileIfPossible, fileInside } from './inside.ts';
import { isImageMapped } from './mapped.ts';
import type { MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import { receivedDescriptor } from './parent.ts';
import { ownMounts, placeOf } from './places.ts';
import { type Step, step } from './step.ts';

const attributes: readonly MountAttribute[] = [
  'MOUNT_ATTR_RDONLY',
  'MOUNT_ATTR_NOSUID',
  'MOUNT_ATTR_NODEV',
  'MOUNT_ATTR_NOEXEC',
];

/** By the parent, where root of the box could not reach them. Handed over after the mapped mounts. */
export function lendFiles(box: Box, host: Pick<Host, 'caller'>): HostAction[] {
  if (!isImageMapped(box.spec, host)) return [];
  return filesOf(box).map(({ source, destination }) => ({
    call: 'lend',
    path: source,
    why: `what the box gets at ${destination}`,
  }));
}

/** A volume in the place of one is what somebody asked for. */
function filesOf({ network, spec }: Pick<Box, 'network' | 'spec'>) {
  const places = spec.mounts.map(({ destination }) => destination);
  return (network?.files ?? []).filter(({ destination }) => !places.includes(destination));
}

/** To be done before any other descriptor is opened. @param before how many are handed over before them. */
export function takeFiles(box: Box, host: Host, before: number): Step[] {
  return lendFiles(box, host).map(({ why }, index) =>
    step(inherit(receivedDescriptor(before + index, box.preserved)), why, { into: `file${index}` }),
  );
}

/** Where root of the box is whom they belong to. */
export function openFiles(box: Box, host: Host, api: MountApi): Step[] {
  if (isImageMapped(box.spec, host)) return [];
  return filesOf(box).flatMap(({ source, destination }, index) =>
    api.copy(
      { at: HERE, path: source, kind: 'file' },
      `file${index}`,
      'this mount',
      `what the box gets at ${destination}`,
    ),
  );
}

export function attachFiles(box: Box, host: Host, api: MountApi): Step[] {
  const mounts = ownMounts(box, host);
  // What is the caller's own, and stays, loses no link.
  const pointOf = box.layer === 'writable' ? fileInside : fileIfPossible;
  return filesOf(box).flatMap(({ destination }, index) => {
    const [file, target] = [`file${index}`, `file${index}.place`];
    return [
      ...pointOf(host.arch, placeOf(destination, mounts), target),
      ...api.setAttributes(file, attributes, 'this mount', 'tsbox alone changes it'),
      ...api.attach(
        file,
        target,
        `attached at ${destination}`,
        `${destination} of the image must be a file`,
      ),
    ];
  });
}

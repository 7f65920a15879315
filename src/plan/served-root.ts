/**
 * The root file system where overlayfs is not to be had: fuse-overlayfs, a program of the host's
 * (image-server.ts), does the same for it. The kernel lets a user namespace mount FUSE from Linux 4.18
 * on, through a /dev/fuse that was opened in it (fuse(4)). So the box opens it, mounts, and hands it
 * to tsbox, which gives it to the program. The box keeps none: once the program has ended, calls on
 * the file system fail instead of waiting for ever.
 */
import type { Box } from '../spec/box.ts';
import { closeRange, closeSlot, duplicateAt, openat } from './calls.ts';
import type { RootServer } from './host.ts';
import { firstId } from './identity.ts';
import type { MountApi } from './mount-api.ts';
import { PLACE } from './mounts-by-path.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { receive, sendDescriptor } from './socket-calls.ts';
import { type Step, step } from './step.ts';

export const FUSE_DEVICE = '/dev/fuse';

/** At a number that an option can name: no slot has it, nor a terminal (terminal.ts). */
const DESCRIPTOR = PLACE + 3;

/** @param program path of fuse-overlayfs. */
export function fuseOverlayfs(program: string): RootServer {
  return {
    program,
    open: (arch) => [
      step(
        openat(arch, FUSE_DEVICE, ['O_RDWR', 'O_CLOEXEC']),
        'through which fuse-overlayfs is asked for files',
        { into: 'fuse' },
      ),
    ],
    mount: serveRoot,
  };
}

function serveRoot({ spec }: Box, mounts: MountApi): Step[] {
  const { uidMappings, gidMappings, mountLabel } = spec.linux;
  return [
    step(duplicateAt('fuse', DESCRIPTOR), 'at a number that can be named'),
    step(closeSlot('fuse'), 'once is enough'),
    ...mounts.newFileSystem(
      'fuse',
      [
        `fd=${DESCRIPTOR}`,
        'rootmode=40000',
        `user_id=${firstId(uidMappings)}`,
        `group_id=${firstId(gidMappings)}`,
        // The kernel judges who may do what, as in any file system, and every user of the box may ask.
        'default_permissions',
        'allow_other',
        ...(mountLabel === undefined ? [] : [`context=${mountLabel}`]),
      ],
      ['MOUNT_ATTR_NODEV'],
      'root',
      'fuse-overlayfs keeps what is written apart from the image, which stays as it is',
    ),
    step(sendDescriptor(PARENT_DESCRIPTOR, DESCRIPTOR), 'tsbox gives it to fuse-overlayfs'),
    step(
      closeRange(DESCRIPTOR, DESCRIPTOR),
      'the box cannot answer for it, and what it does fails once fuse-overlayfs has ended',
    ),
    step(receive(PARENT_DESCRIPTOR, 0), 'fuse-overlayfs is there'),
  ];
}

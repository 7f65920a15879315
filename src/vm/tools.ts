/** The host's programs that a micro-VM needs. */
import { programs, type Tool } from '../sandbox/tool.ts';

const [machine, debian] = process.arch === 'arm64' ? ['aarch64', 'arm'] : ['x86_64', 'x86'];

export const qemu: Tool = {
  name: `qemu-system-${machine}`,
  places: programs,
  users: '--vm',
  mend: `as root: apt-get install --no-install-recommends qemu-system-${debian}`,
};

/** No program for users: distributions keep it apart. */
export const virtiofsd: Tool = {
  name: 'virtiofsd',
  places: ['/usr/lib/qemu', '/usr/libexec', ...programs],
  users: '--vm with a volume, --writable or a large image',
  mend: 'as root: apt-get install qemu-system-common (Debian 12) or virtiofsd (Debian 13)',
};

/** It comes with pasta. */
export const passt: Tool = {
  name: 'passt',
  places: programs,
  users: '--vm with --network=pasta',
  mend: 'as root: apt-get install passt',
};

/** It makes the disk of an image. */
export const mkfsErofs: Tool = {
  name: 'mkfs.erofs',
  places: [...programs, '/usr/sbin', '/sbin'],
  users: 'a micro-VM that has its image as a disk',
  mend: 'as root: apt-get install erofs-utils',
};

/** mkfs.erofs(1), which makes the disk of a machine from an image: its command line and its jail. */
import type { Jail } from '../plan/jail.ts';
import { type JailedProgram, jailedProgram } from '../plan/jailed-program.ts';
import { find } from '../sandbox/tool.ts';
import type { Premises } from './premises.ts';
import { mkfsErofs } from './tools.ts';

/**
 * The image is hostile: the program sees nothing but the image and the file that it writes.
 * @param disk an empty file.
 * @throws BoxError when it is not there.
 */
export function mkfsProgram(premises: Premises, image: string, disk: string): JailedProgram {
  const jail: Jail = {
    ...premises,
    places: [
      ...premises.system,
      { kind: 'host directory', path: 'image', source: image, access: 'read-only' },
      { kind: 'host file', path: 'disk', source: disk, access: 'writable' },
    ],
    // To read what its owner alone may.
    inmate: { ...premises.root, capabilities: ['CAP_DAC_READ_SEARCH'] },
    limits: { RLIMIT_CORE: 0n },
  };
  return jailedProgram(jail, [find(mkfsErofs), '--quiet', '/disk', '/image'], 0);
}

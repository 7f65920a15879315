/** tsbox's own subjects, and the host process that all are compared with. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { ImageFacts } from '../spec/run-options.ts';
import type { Subject } from './subject.ts';

/** Name of the subject that the others are measured against. */
export const BASE = 'host process';

/**
 * @param program bin/tsbox
 * @param vmm what runs a micro-VM.
 */
export function ownSubjects(
  image: ImageFacts,
  program: string,
  version: string,
  vmm: string,
): Subject[] {
  // As the peers: a network namespace, and nothing in it.
  const run = [program, 'run', '--network=none', '--rootfs', image.rootfs];
  return [
    hostProcess(image.rootfs),
    subject('tsbox container', 'tsbox run, the whole process', version, [...run, '--', 'true']),
    {
      ...subject('tsbox VM', 'tsbox run --vm, the whole process', version, [
        ...run,
        '--vm',
        '--',
        'true',
      ]),
      note: vmm,
    },
  ];
}

/** The image's own program where the host can run it, which is when it needs no libraries. */
function hostProcess(rootfs: string): Subject {
  const busybox = join(rootfs, 'bin/busybox');
  const argv = existsSync(busybox) ? [busybox, 'true'] : ['true'];
  return subject(BASE, argv.join(' '), `Linux ${release()}`, argv);
}

function subject(name: string, what: string, version: string, argv: readonly string[]): Subject {
  return { name, what, version, note: '', argv: () => argv };
}

/** What the set-up brings: QEMU, a guest kernel, images. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Tool } from '../sandbox/tool.ts';
import { type Check, limited, missing, ok } from './check.ts';

/** @param directory `kernels/current` of the data directory. */
export function checkGuestKernel(directory: string, exists = existsSync): Check {
  const [name, use] = ['guest kernel', 'micro-VMs'] as const;
  const mend = "in tsbox's directory, as the user who runs it: npm run setup";
  if (!exists(`${directory}/vmlinux`) && !exists(`${directory}/vmlinuz`)) {
    return missing(name, use, `none in ${directory}`, 'a micro-VM boots a kernel of its own', mend);
  }
  if (!exists(`${directory}/modules`)) {
    const why = 'without modules it lacks drivers that distributions do not build in';
    const again = `in tsbox's directory: sh kernel/unpack ${dirname(directory)}`;
    return limited(name, use, `${directory}, no modules`, why, again);
  }
  return ok(name, use, directory);
}

export interface QemuFacts {
  /** The one that runs micro-VMs. */
  readonly used?: string;
  /** Why there is none although one is installed. */
  readonly unfit?: string;
}

export function checkQemu(
  { name: program, places, mend }: Tool,
  { used, unfit }: QemuFacts,
): Check {
  const [name, use] = ['QEMU', 'micro-VMs'] as const;
  if (used !== undefined) return ok(name, use, used);
  if (unfit !== undefined)
    return missing(
      name,
      use,
      'none that can be used',
      unfit,
      '`tsbox qemu ls` shows all there are',
    );
  const what = `no ${program} in ${places.join(', ')}`;
  return missing(name, use, what, 'it is what runs a micro-VM', mend);
}

/** @param path where it is; undefined when it is not installed. */
export function checkVirtiofsd({ name, places, users, mend }: Tool, path?: string): Check {
  const use = 'some options';
  if (path !== undefined) return ok(name, use, path);
  return limited(name, use, `not in ${places.join(', ')}`, `${users} needs it`, mend);
}

/** @param names of the images in `data`. */
export function checkImages(names: readonly string[], data: string): Check {
  const where = `${data}/images`;
  if (names.length > 0) return ok('images', 'some options', `${names.join(', ')} in ${where}`);
  return limited(
    'images',
    'some options',
    `none in ${where}`,
    'a directory can be run all the same, with --rootfs DIR',
    "in tsbox's directory: npm run setup",
  );
}

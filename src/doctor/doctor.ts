/** Every check, in the order in which a box needs what is checked. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { dataDirectory, listImages } from '../image/image.ts';
import { findMountApi, landlockVersion } from '../linux/host.ts';
import { locate, qemu, virtiofsd } from '../vm/tools.ts';
import { checkGuestKernel, checkImages, checkQemu, checkVirtiofsd } from './brought.ts';
import { hostCgroups } from './cgroups.ts';
import type { Check } from './check.ts';
import { checkLandlock, checkMountApi, checkOverlay, checkSeccomp } from './features.ts';
import { checkKernel, checkNode, checkPrivileges } from './kernel.ts';
import { hostKvm } from './kvm.ts';
import {
  checkIdMaps,
  checkNamespaces,
  checkUserNamespaces,
  userNamespaceFacts,
} from './namespaces.ts';
import { readText } from './read.ts';

export async function examineHost(): Promise<Check[]> {
  const uid = process.getuid?.() ?? 0;
  const data = dataDirectory(process.env, uid);
  const namespaces = readdirSync('/proc/self/ns');
  const [userNamespaces, qemuVersion] = await Promise.all([
    userNamespaceFacts(namespaces.includes('user')),
    versionOf(locate(qemu)),
  ]);
  return [
    checkKernel(release()),
    checkPrivileges(uid),
    checkNode(process.versions.node),
    ...checkNamespaces(namespaces),
    checkUserNamespaces(userNamespaces),
    checkIdMaps(findProgram('newuidmap'), uid),
    hostCgroups(),
    checkOverlay(readText('/proc/filesystems') ?? '', modulesOf(release())),
    checkMountApi(findMountApi()),
    checkSeccomp(readText('/proc/sys/kernel/seccomp/actions_avail')),
    checkLandlock(landlockVersion()),
    hostKvm(),
    checkQemu(qemu, qemuVersion),
    checkVirtiofsd(virtiofsd, locate(virtiofsd)),
    checkGuestKernel(join(data, 'kernels/current')),
    checkImages(listImages(data), data),
  ];
}

function modulesOf(kernel: string): string {
  return readText(`/lib/modules/${kernel}/modules.dep`) ?? '';
}

async function versionOf(program: string | undefined): Promise<string | undefined> {
  if (program === undefined) return undefined;
  const result = await execa(program, ['--version'], { reject: false, cwd: '/' });
  return result.failed ? undefined : result.stdout.split('\n')[0];
}

/** Where a program lies in PATH. */
function findProgram(name: string): string | undefined {
  const places = (process.env.PATH ?? '').split(':').map((place) => join(place, name));
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

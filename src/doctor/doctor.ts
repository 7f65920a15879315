/** Every check, in the order in which a box needs what is checked. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { judgeCapability } from '../causes/capability.ts';
import { coveredFacts, judgeCovered } from '../causes/covered-mounts.ts';
import { proveRefusedCalls } from '../causes/refused-calls.ts';
import { ownStatus, readText } from '../causes/status.ts';
import { proveSubordinateIds } from '../causes/subordinate-ids.ts';
import { dataDirectory, listImages } from '../image/image.ts';
import { whyNotOpened } from '../linux/devices.ts';
import { findMountApi, landlockVersion } from '../linux/host.ts';
import { sendBatch } from '../linux/packet-filter.ts';
import { FORWARDING } from '../plan/bridge.ts';
import { changeMessages } from '../plan/nftables-messages.ts';
import { BoxError } from '../sandbox/errors.ts';
import { OPEN_TUN, pasta } from '../sandbox/find-pasta.ts';
import { printVmm } from '../sandbox/sandbox.ts';
import { locate } from '../sandbox/tool.ts';
import { TUN_DEVICE } from '../spec/network.ts';
import { chooseAccelerator } from '../vm/accelerator.ts';
import { findQemu, vmmOf } from '../vm/qemu/find.ts';
import { chosenQemu } from '../vm/qemu/installed.ts';
import { qemu, virtiofsd } from '../vm/tools.ts';
import {
  checkGuestKernel,
  checkImages,
  checkQemu,
  checkVirtiofsd,
  type QemuFacts,
} from './brought.ts';
import { hostCgroups } from './cgroups.ts';
import type { Check } from './check.ts';
import { checkLandlock, checkMountApi, checkOverlay, checkSeccomp } from './features.ts';
import { checkKernel, checkNode, checkPrivileges, neededCalls } from './kernel.ts';
import { hostKvm } from './kvm.ts';
import {
  checkIdMaps,
  checkNamespaces,
  checkRevealing,
  checkUserNamespaces,
  usedNamespaces,
  userNamespaceFacts,
} from './namespaces.ts';
import { checkNetworks, type NetworkFacts } from './networks.ts';
import { checkPasta } from './pasta.ts';

export async function examineHost(): Promise<Check[]> {
  const uid = process.getuid?.() ?? 0;
  const data = dataDirectory(process.env, uid);
  const namespaces = readdirSync('/proc/self/ns');
  const rights = uid === 0 ? judgeCapability('CAP_SYS_ADMIN', ownStatus()) : undefined;
  const refused = await proveRefusedCalls(neededCalls);
  const [userNamespaces, qemuFacts, revealing, used] = await Promise.all([
    userNamespaceFacts(namespaces.includes('user')),
    hostQemu(data),
    Promise.all((['proc', 'sysfs'] as const).map(async (type) => coveredFacts(type, true))),
    usedNamespaces(),
  ]);
  return [
    checkKernel(release(), refused),
    checkPrivileges(uid, rights),
    checkNode(process.versions.node),
    ...checkNamespaces(namespaces, used),
    checkUserNamespaces(uid, { ...userNamespaces, cause: userNamespaces.cause ?? refused }),
    checkIdMaps(uid, userNamespaces.worked, await proveSubordinateIds()),
    checkRevealing(revealing.map(judgeCovered)),
    await hostCgroups(),
    ...(uid === 0 ? [checkNetworks(networkFacts())] : []),
    checkOverlay(readText('/proc/filesystems') ?? '', modulesOf(release())),
    checkMountApi(findMountApi(), await proveRefusedCalls(['mount_setattr'])),
    checkSeccomp(readText('/proc/sys/kernel/seccomp/actions_avail')),
    checkLandlock(landlockVersion()),
    checkPasta(pasta, locate(pasta), uid === 0 ? undefined : whyNotOpened(TUN_DEVICE), OPEN_TUN),
    hostKvm(),
    checkQemu(qemu, qemuFacts),
    checkVirtiofsd(virtiofsd, locate(virtiofsd)),
    checkGuestKernel(join(data, 'kernels/current')),
    checkImages(listImages(data), data),
  ];
}

function networkFacts(): NetworkFacts {
  return {
    refused: whyNoTable(),
    rights: judgeCapability('CAP_NET_ADMIN', ownStatus()),
    writable: isWritable(FORWARDING),
  };
}

/** One that is made and removed in the same transaction is never there. */
function whyNoTable(): string | undefined {
  try {
    sendBatch(changeMessages({ to: 'removed', name: 'tsbox-doctor' }));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function modulesOf(kernel: string): string {
  return readText(`/lib/modules/${kernel}/modules.dep`) ?? '';
}

async function hostQemu(data: string): Promise<QemuFacts> {
  const { accelerator } = chooseAccelerator();
  try {
    return { used: printVmm(vmmOf(await findQemu(data, accelerator, []), accelerator)) };
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    return locate(qemu) !== undefined || chosenQemu(data) !== undefined
      ? { unfit: error.message }
      : {};
  }
}

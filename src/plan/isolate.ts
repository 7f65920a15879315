/**
 * A box, from the inside: the sections of its plan in the order in which the kernel needs them.
 * A container and the guest of a micro-VM carry out the same ones.
 */
import type { Box } from '../spec/box.ts';
import {
  chdir,
  fchdir,
  interfaceUp,
  setdomainname,
  sethostname,
  socketInet,
  umask,
} from './calls.ts';
import { openDevices } from './devices.ts';
import { newSession, setLimits, startWorkload } from './execute.ts';
import { waitForHooks } from './hooks.ts';
import type { Host } from './host.ts';
import { becomeUser, enterUserNamespace } from './identity.ts';
import { wallIn } from './landlock.ts';
import { mapMounts } from './mapped.ts';
import { maskPaths, readonlyPaths } from './masks.ts';
import { type MountApi, mountApi } from './mount-api.ts';
import { chroot, mount, pivotRoot, umount2 } from './mount-calls.ts';
import { attachDevices, attachMounts, openSources, sealDev } from './mounts.ts';
import { attachFiles, lendFiles, openFiles, takeFiles } from './names.ts';
import { enterTimeNamespace, hasOwn } from './namespaces.ts';
import { moveDevices } from './net-devices.ts';
import { configureInterface } from './network.ts';
import {
  announceExecution,
  closeAll,
  closeInherited,
  dieWithParent,
  PARENT_DESCRIPTOR,
  waitForParent,
} from './parent.ts';
import { preserveDescriptors } from './preserve.ts';
import { keepApart, processAttributes } from './process.ts';
import { leaveHostMounts, makeRoot, openImage, propagateRoot, sealRoot } from './root.ts';
import { type Section, type Step, step } from './step.ts';
import { setSysctls } from './sysctl.ts';
import { makeTerminal, SUPERVISOR_DESCRIPTOR, takeTerminal } from './terminal.ts';

/** Who carries the sections out: the child of a tsbox on the same kernel, or the init of a guest. */
export type Place = 'container' | 'guest';

export function isolationSections(box: Box, host: Host, place: Place): Section[] {
  const child = place === 'container';
  const mounts = mountApi(host);
  const sections = [
    {
      title: 'Process',
      steps: [
        ...(child ? [announceExecution(), ...dieWithParent()] : []),
        newSession(),
        step(umask(0o022), "what is made here does not depend on the caller's mask"),
        ...(child ? waitIfNeeded(box, host) : []),
      ],
    },
    { title: 'Host files', steps: openHostFiles(box, host, mounts) },
    {
      title: 'User namespace',
      steps: [
        ...enterUserNamespace(box, host),
        ...(child && box.spec.linux.uidMappings.length > 0 ? dieWithParent() : []),
      ],
    },
    { title: 'Time namespace', steps: enterTimeNamespace(box, host.arch) },
    { title: 'Apart from other processes', steps: keepApart() },
    { title: 'Root file system', steps: makeRoot(box, host, mounts) },
    { title: 'Mounts', steps: attachMounts(box, host, mounts) },
    { title: 'Devices', steps: attachDevices(box, host, mounts) },
    { title: 'Terminal', steps: makeTerminal(box, host, mounts) },
    { title: 'Names', steps: attachFiles(box, host, mounts) },
    { title: 'Interface', steps: configureInterface(box, host, child ? 'by tsbox' : 'by driver') },
    { title: 'Process attributes', steps: processAttributes(box, host) },
    { title: 'Kernel parameters', steps: setSysctls(box, host) },
    {
      title: 'Masked and read-only paths',
      steps: [...maskPaths(box, host, mounts), ...readonlyPaths(box, host, mounts)],
    },
    {
      title: 'Change of root',
      steps: [
        ...sealDev(box, host, mounts),
        ...sealRoot(box, host, mounts),
        ...waitForHooks(box, 'created'),
        ...changeRoot(place),
        ...propagateRoot(box),
      ],
    },
    {
      title: 'Standard streams',
      steps: takeTerminal(box, child ? PARENT_DESCRIPTOR : SUPERVISOR_DESCRIPTOR),
    },
    { title: 'Host name', steps: hostname(box) },
    { title: 'Network', steps: loopback(box) },
    // A guest's kernel has no process outside the box.
    { title: 'Landlock', steps: child ? wallIn(box.spec) : [] },
    // No descriptor can be opened from here on where few are allowed.
    { title: 'Resource limits', steps: setLimits(box, host) },
    {
      title: 'User and capabilities',
      steps: [...becomeUser(box, host), ...(child ? dieWithParent() : [])],
    },
    {
      title: 'Hooks',
      steps: waitForHooks(box, 'starting'),
    },
    {
      title: 'Workload',
      steps: [
        ...(child ? closeInherited(box.preserved) : [closeAll()]),
        ...preserveDescriptors(box.preserved),
        ...startWorkload(box, host.seccomp),
      ],
    },
  ];
  return sections.filter((section) => section.steps.length > 0);
}

/** For what only the parent can do (container.ts, `during`). */
function waitIfNeeded(box: Box, host: Host): Step[] {
  const [mapped, lent] = [mapMounts(box, host).length, lendFiles(box, host).length];
  const own = box.spec.linux.uidMappings.length > 0;
  const interfaces = box.network?.attachment !== undefined || moveDevices(box).length > 0;
  if (!own && mapped + lent === 0 && !interfaces) return [];
  const waiting = waitForParent(mapped + lent, box.preserved);
  if (!own && mapped + lent === 0)
    return waiting.map((each) => ({ ...each, why: 'the parent has brought its interfaces' }));
  return [...waiting, ...takeFiles(box, host, mapped)];
}

function openHostFiles(box: Box, host: Host, mounts: MountApi): Step[] {
  const volumes = box.spec.mounts.filter(({ type }) => type === 'bind');
  const sources = [box.spec.root.path, ...volumes.map(({ source }) => source)];
  return [
    ...openSources(box, host, mounts, 'propagated'),
    leaveHostMounts(),
    ...mounts.openAnchor(sources),
    ...openImage(box, host, mounts),
    ...openSources(box, host, mounts, 'others'),
    ...openDevices(box.spec.linux.devices, mounts),
    ...openFiles(box, host, mounts),
  ];
}

export function changeRoot(place: Place): Step[] {
  const enter = step(fchdir('root'), 'the new root is named by a descriptor, not by a path');
  const end = step(chdir('/'), 'the working directory is inside, too');
  // A machine's first root file system cannot be pivoted away: pivot_root(2), NOTES.
  if (place === 'guest')
    return [
      enter,
      step(mount('.', '/', undefined, ['MS_MOVE']), 'the root file system covers the initial one'),
      step(chroot('.'), 'and becomes the root'),
      end,
    ];
  return [
    enter,
    step(pivotRoot('.', '.'), "the box's root becomes /, the host's is stacked below it"),
    step(umount2('.', ['MNT_DETACH']), "the host's files are out of reach"),
    end,
  ];
}

function hostname(box: Box): Step[] {
  const { hostname: name, domainname } = box.spec;
  return [
    ...(name === undefined ? [] : [step(sethostname(name), 'a host name of its own')]),
    ...(domainname === undefined
      ? []
      : [step(setdomainname(domainname), 'and a domain name, uname(2)')]),
  ];
}

function loopback(box: Box): Step[] {
  if (!hasOwn(box.spec.linux, 'network')) return [];
  return [
    step(socketInet(), 'a handle on the network namespace', { into: 'socket' }),
    step(interfaceUp('socket', 'lo'), 'a new network namespace has its loopback interface down'),
  ];
}

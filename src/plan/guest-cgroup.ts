/**
 * The limits of a box that the guest's kernel keeps, by its own cgroups (cgroup-v2.rst): how many
 * processes there may be. Carried out by the workload's process, so that init is not counted.
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Resources } from '../spec/spec.ts';
import { HERE } from './arguments.ts';
import { mkdirat, openat, write } from './calls.ts';
import { cgroupFiles, controllersOf } from './cgroup-files.ts';
import { mount, umount2 } from './mount-calls.ts';
import { unshare } from './namespaces.ts';
import { type Section, type Step, step } from './step.ts';

const HIERARCHY = '/run/cgroup';
const LIMITED = `${HIERARCHY}/limited`;
/** Below the limits, which the box thus does not see, as a container does not see its own. */
const ENTRY = `${LIMITED}/box`;

export function guestCgroup(arch: Arch, { pids }: Resources): Section[] {
  const resources = pids === undefined ? {} : { pids };
  const files = cgroupFiles(resources);
  if (files.length === 0) return [];
  const enabled = controllersOf(resources)
    .map((name) => `+${name}`)
    .join(' ');
  const fill = (path: string, text: string, why: string): Step[] => [
    step(openat(arch, path, ['O_WRONLY', 'O_CLOEXEC']), why, { into: path }),
    step(write(path, text), why),
  ];
  return [
    {
      title: 'Limits',
      steps: [
        step(mkdirat(HERE, HIERARCHY, 0o755), 'where the cgroups are mounted'),
        step(mount('cgroup2', HIERARCHY, 'cgroup2', []), 'those of the guest’s own kernel'),
        ...fill(`${HIERARCHY}/cgroup.subtree_control`, enabled, 'the cgroups below have limits'),
        step(mkdirat(HERE, LIMITED, 0o755), 'what the box is limited by'),
        ...files.flatMap(({ file, data, why }) => fill(`${LIMITED}/${file}`, data, why)),
        step(mkdirat(HERE, ENTRY, 0o755), 'what the box sees as the root'),
        ...fill(`${ENTRY}/cgroup.procs`, '0', 'the workload is in it, and all that it starts'),
        step(unshare('CLONE_NEWCGROUP'), 'from here on it is the root'),
        step(umount2(HIERARCHY, ['MNT_DETACH']), 'the box has a mount of its own'),
      ],
    },
  ];
}

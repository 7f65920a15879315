/** AppArmor's profile and SELinux's context of the workload: taken on by the next execve(2). */
import { askedName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import type { Spec } from '../spec/spec.ts';
import type { Host } from './host.ts';
import { writeProcess } from './procfs.ts';
import type { Step } from './step.ts';

/** Whether planning has to know of {@link Host.securityModules}. */
export function wantsLabels({ process, linux }: Spec): boolean {
  const { apparmorProfile = UNCONFINED, selinuxLabel } = process;
  const asked = [selinuxLabel, linux.mountLabel].some((label) => label !== undefined);
  return apparmorProfile !== UNCONFINED || asked;
}

/** AppArmor's word for no profile: on a host without AppArmor nothing has to be done for it. */
const UNCONFINED = 'unconfined';

/** What was asked for and this host cannot do, a sentence each. */
export function unkeptLabels(
  { spec, ...asker }: Pick<Box, 'spec' | 'bundle'>,
  host: Pick<Host, 'securityModules'>,
): string[] {
  if (!wantsLabels(spec)) return [];
  const { apparmor = false, selinux = false } = host.securityModules ?? {};
  const { apparmorProfile = UNCONFINED, selinuxLabel } = spec.process;
  return [
    ...(apparmorProfile === UNCONFINED || apparmor
      ? []
      : [
          `the AppArmor profile ${apparmorProfile} was asked for, and AppArmor is not enabled on this host (/sys/module/apparmor/parameters/enabled): leave ${askedName('apparmor', asker)} out, or boot with apparmor=1`,
        ]),
    ...((selinuxLabel ?? spec.linux.mountLabel) === undefined || selinux
      ? []
      : [
          `an SELinux label was asked for, and SELinux is not enabled on this host (/sys/fs/selinux): leave ${askedName('label', asker)} out, or boot with selinux=1 and a policy`,
        ]),
  ];
}

export function writeLabels(box: Box, host: Host): Step[] {
  const { apparmorProfile, selinuxLabel } = box.spec.process;
  const apparmor =
    apparmorProfile === undefined || (apparmorProfile === UNCONFINED && !host.securityModules)
      ? []
      : writeProcess(box, host, 'attr/apparmor/exec', `exec ${apparmorProfile}`, {
          why: `AppArmor's profile for the workload: ${apparmorProfile}`,
          hint: 'the profile must be loaded (aa-status lists those that are)',
        });
  const selinux =
    selinuxLabel === undefined
      ? []
      : writeProcess(box, host, 'attr/exec', selinuxLabel, {
          why: `SELinux's context for the workload: ${selinuxLabel}`,
          hint: 'the policy must know the label (seinfo shows its types) and allow the transition to it',
        });
  return [...apparmor, ...selinux];
}

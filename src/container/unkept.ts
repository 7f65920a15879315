/** What was asked for and cannot be kept on this host, before anything is made. */
import { unkeptLimits } from '../plan/cgroup.ts';
import { unkeptDeviceRules } from '../plan/device-filter.ts';
import type { Host } from '../plan/host.ts';
import { unkeptLabels } from '../plan/labels.ts';
import { unkeptMounts } from '../plan/mount-refusals.ts';
import { unkeptSharing } from '../plan/shared-namespaces.ts';
import { SpecError } from '../spec/errors.ts';
import type { Spec } from '../spec/spec.ts';

/** @throws SpecError that names all of it. */
export async function checkKept(spec: Spec, host: Host): Promise<void> {
  const mounts = unkeptMounts(spec, host);
  const unkept = [
    ...unkeptLimits(spec.linux.resources, host),
    ...unkeptDeviceRules(spec, host),
    ...unkeptLabels(spec, host),
    ...unkeptSharing(spec, host),
    ...mounts,
  ];
  if (unkept.length === 0) return;
  const byPaths = mounts.length > 0 && host.mountApi === 'paths';
  throw new SpecError(byPaths ? [...unkept, ...(await whyByPaths())] : unkept);
}

async function whyByPaths(): Promise<string[]> {
  const { whyRefused } = await import('../causes/causes.ts');
  return whyRefused('mount_setattr');
}

/** What was asked for and cannot be kept on this host, before anything is made. */
import { isHostsNamespace } from '../linux/namespaces.ts';
import { unkeptLimits } from '../plan/cgroup.ts';
import { unkeptDeviceRules } from '../plan/device-filter.ts';
import type { Host } from '../plan/host.ts';
import { unkeptLabels } from '../plan/labels.ts';
import { unkeptMounts } from '../plan/mount-refusals.ts';
import { ORDINARY_IMAGE } from '../plan/root.ts';
import { unkeptSharing } from '../plan/shared-namespaces.ts';
import type { Box } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import type { Spec } from '../spec/spec.ts';
import { sysctlNamespace } from '../spec/sysctl.ts';

/** @throws SpecError that names all of it. */
export async function checkKept(
  box: Pick<Box, 'spec' | 'layer' | 'bundle'>,
  host: Host,
): Promise<void> {
  const { spec, layer } = box;
  const mounts = unkeptMounts(box, host);
  const unkept = [
    ...unkeptLimits(spec.linux.resources, host, box),
    ...unkeptDeviceRules(box, host),
    ...unkeptLabels(box, host),
    ...unkeptSysctls(spec),
    ...unkeptSharing(box, host),
    ...mounts,
    ...(layer === 'ephemeral' && !host.overlay ? await uncopied(spec.root.path) : []),
  ];
  if (unkept.length === 0) return;
  const byPaths = mounts.length > 0 && host.mountApi === 'paths';
  throw new SpecError(byPaths ? [...unkept, ...(await whyByPaths())] : unkept);
}

/** Of a namespace that the box joins, and that is the host's all the same. */
function unkeptSysctls({ linux: { sysctl, namespaces } }: Spec): string[] {
  if (sysctl === undefined) return [];
  const shared = namespaces.flatMap(({ type, path }) =>
    path !== undefined && isHostsNamespace(path, type) ? [type] : [],
  );
  return Object.keys(sysctl).flatMap((name) => {
    const type = shared.find((each) => each === sysctlNamespace(name));
    return type === undefined
      ? []
      : [
          `linux.sysctl[${JSON.stringify(name)}]: the ${type} namespace that the box joins is the host’s: leave it out, or give the box its own`,
        ];
  });
}

async function uncopied(image: string): Promise<string[]> {
  const { isInPseudoFileSystem } = await import('../linux/pseudo-file-system.ts');
  return isInPseudoFileSystem(image) ? [`${image}: ${ORDINARY_IMAGE}`] : [];
}

async function whyByPaths(): Promise<string[]> {
  const { whyRefused } = await import('../causes/causes.ts');
  return whyRefused('mount_setattr');
}

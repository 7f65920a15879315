/** overlayfs, mounts, seccomp and Landlock, as the kernel tells of them. */
import type { Cause } from '../causes/cause.ts';
import type { Host } from '../plan/host.ts';
import { type Check, limited, ok } from './check.ts';

/**
 * @param filesystems text of /proc/filesystems, where a module shows up once it is loaded.
 * @param modules text of modules.dep of the running kernel; empty when there is none.
 */
export function checkOverlay(filesystems: string, modules: string): Check {
  const [name, use] = ['overlayfs', 'containers'] as const;
  if (/\toverlay$/m.test(filesystems)) return ok(name, use, 'there');
  if (/\/overlay\.ko[.:a-z]*:/m.test(modules)) {
    return ok(name, use, 'a module, loaded when the first box needs it');
  }
  return limited(
    name,
    use,
    'not there',
    'the kernel was built without CONFIG_OVERLAY_FS: the image is copied for every box, or served to those of users by fuse-overlayfs',
    'boot the kernel of a distribution, which has it',
  );
}

/**
 * @param api how a box's mounts are made here (src/plan/mount-api.ts).
 * @param cause why mount_setattr(2) is refused.
 */
export function checkMountApi(api: Host['mountApi'], cause: Cause | undefined): Check {
  const [name, use] = ['mounts', 'some options'] as const;
  if (api === 'descriptors') return ok(name, use, 'made by descriptors');
  return limited(
    name,
    use,
    'made by mount(2)',
    `${cause?.sentence ?? 'mount_setattr(2) is refused'}: there is no --userns=auto, no idmap, no slave or shared volume, none with mounts in it, and no --vm`,
    cause?.mend ?? 'boot Linux 5.12 or later, or run tsbox outside of the container that it is in',
  );
}

/** @param actions text of /proc/sys/kernel/seccomp/actions_avail; undefined when there is none. */
export function checkSeccomp(actions: string | undefined): Check {
  const [name, use] = ['seccomp', 'containers'] as const;
  if (actions?.includes('errno')) return ok(name, use, actions.trim());
  return limited(
    name,
    use,
    'not there',
    'the kernel was built without CONFIG_SECCOMP_FILTER: system calls cannot be filtered',
    'boot the kernel of a distribution, which has it, or run with --security-opt seccomp=unconfined',
  );
}

/** The first that keeps signals and abstract sockets inside, Linux 6.12. */
const SCOPED = 6;

/** @param version of landlock(7); undefined where the kernel has none enabled. */
export function checkLandlock(version: number | undefined): Check {
  const [name, use] = ['Landlock', 'containers'] as const;
  if (version !== undefined && version >= SCOPED) return ok(name, use, `version ${version}`);
  return limited(
    name,
    use,
    version === undefined ? 'not there' : `version ${version}`,
    'containers do without a second wall around their processes; namespaces keep them apart all the same',
    'boot Linux 6.12 or later, with landlock in its list of security modules (lsm=)',
  );
}

/** overlayfs and seccomp, as the kernel lists them. */
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
    'the kernel was built without CONFIG_OVERLAY_FS: the image is copied for every box',
    'boot the kernel of a distribution, which has it',
  );
}

/** @param actions text of /proc/sys/kernel/seccomp/actions_avail; undefined when there is none. */
export function checkSeccomp(actions: string | undefined): Check {
  const [name, use] = ['seccomp', 'some options'] as const;
  if (actions?.includes('errno')) return ok(name, use, actions.trim());
  return limited(
    name,
    use,
    'not there',
    'the kernel was built without CONFIG_SECCOMP_FILTER: system calls cannot be filtered',
    'boot the kernel of a distribution, which has it',
  );
}

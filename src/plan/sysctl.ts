/**
 * Kernel parameters of the box's own namespaces (`linux.sysctl`, sysctl(8)): written by a process that
 * is in them, before /proc/sys is made read-only. Which ones there are is src/spec/sysctl.ts's to say.
 */
import type { Box } from '../spec/box.ts';
import { sysctlPath } from '../spec/sysctl.ts';
import type { Host } from './host.ts';
import { writeProcfs } from './procfs.ts';
import type { Step } from './step.ts';

export function setSysctls(box: Box, host: Host): Step[] {
  return Object.entries(box.spec.linux.sysctl ?? {}).flatMap(([name, value]) =>
    writeProcfs(box, host, `sys/${sysctlPath(name)}`, `sysctl ${name}`, value, {
      why: `linux.sysctl["${name}"]`,
      hint: 'ENOENT: this kernel has no such parameter; EINVAL: it does not take the value; EACCES, EPERM: it is not for the root of a user namespace to set',
    }),
  );
}

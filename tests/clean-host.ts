/** Takes away what tsbox makes once for all its boxes and keeps, where the tests made it. */
import { existsSync, rmdirSync, rmSync } from 'node:fs';

/** Empty ones alone can be removed: should a box be left in one, this fails. */
const kept = [
  '/sys/fs/cgroup/tsbox',
  '/sys/fs/cgroup/unified/tsbox',
  '/run/tsbox/boxes',
  '/run/tsbox/networks/active',
  '/run/tsbox/networks/boxes',
  '/run/tsbox/networks',
  '/run/tsbox',
];

/** What was found out about KVM and QEMU, and the filters that were made (src/sandbox/state.ts). */
const found = ['/run/tsbox/kvm.json', '/run/tsbox/qemus.json', '/run/tsbox/seccomp'];

export function setup(): () => void {
  const made = kept.filter((directory) => !existsSync(directory));
  return () => {
    if (made.includes('/run/tsbox'))
      for (const path of found) rmSync(path, { recursive: true, force: true });
    for (const directory of made) if (existsSync(directory)) rmdirSync(directory);
  };
}

/**
 * File systems that hold no files, but show what the kernel knows: statfs(2), linux/magic.h. Their
 * files have no size, are made anew at each look, or cannot be read twice, so that no copy is one.
 */
import { statfsSync } from 'node:fs';

/** Whether the path, which exists, is in one. */
export function isInPseudoFileSystem(path: string): boolean {
  return magics.has(statfsSync(path).type);
}

const magics = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x1cd1, // devpts
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xf97cff8c, // selinuxfs
  0x43415d53, // smackfs
  0x5a3c69f0, // apparmorfs
  0xcafe4a11, // bpf
  0x6165676c, // pstore
  0xde5e81e4, // efivarfs
  0x62656570, // configfs
  0x42494e4d, // binfmt_misc
  0x6e736673, // nsfs
  0x19800202, // mqueue
  0x65735543, // fusectl
  0x67596969, // rpc_pipefs
  0x7655821, // resctrl
]);

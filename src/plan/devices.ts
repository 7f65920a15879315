/**
 * What every box has in /dev: the devices and links of the OCI runtime specification
 * (config-linux.md, "Default Devices" and "Default Symbolic Links").
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { HERE, mknodat, moveMount, openat2, openTree, symlinkat, umask } from './calls.ts';
import { type Slot, type Step, step } from './step.ts';

/** Name, major and minor number (Documentation/admin-guide/devices.txt). */
const nodes = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const;

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
] as const;

/** Fills the tmpfs that the slot `dev` holds. */
export function deviceNodes(box: Box, arch: Arch, dev: Slot): Step[] {
  const idmapped = box.spec.linux.uidMappings.length > 0;
  return [
    step(umask(0), 'modes are meant as they are written'),
    ...nodes.flatMap(([name, major, minor]) =>
      idmapped
        ? boundNode(arch, dev, name)
        : [step(mknodat(dev, name, 0o666, major, minor), `the device /dev/${name}`)],
    ),
    ...links.map(([name, target]) =>
      step(symlinkat(target, dev, name), `programs expect /dev/${name}`),
    ),
    step(umask(0o022), "what is made from here on is not everybody's to write"),
  ];
}

/** A user namespace may not make device nodes (mknod(2), EPERM): it gets the host's by bind mount. */
function boundNode(arch: Arch, dev: Slot, name: string): Step[] {
  return [
    step(
      openat2(
        arch,
        dev,
        name,
        ['O_CREAT', 'O_EXCL', 'O_WRONLY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT'],
        0o666,
      ),
      'an empty file to mount over',
      { into: `${dev}.${name}` },
    ),
    step(
      openTree(HERE, `/dev/${name}`, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC']),
      `the host's /dev/${name}`,
      { into: `${dev}.${name}.node` },
    ),
    step(moveMount(`${dev}.${name}.node`, `${dev}.${name}`), `the device /dev/${name}`),
  ];
}

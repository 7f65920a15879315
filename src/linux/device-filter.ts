/** Loads a device filter and gives it to a cgroup: bpf(2). */
import { closeSync, openSync } from 'node:fs';
import { bpfAttachFlags, bpfAttachTypes, bpfCommands, bpfProgramTypes } from '../abi/bpf.ts';
import { errnoName } from '../abi/errno.ts';
import { addressOf, SyscallError, syscall } from './native.ts';
import { undisturbed } from './signal-mask.ts';

/**
 * The kernel keeps the filter until the cgroup is removed: it is pinned nowhere.
 * @param program instructions of eight bytes each.
 * @throws SyscallError
 */
export function attachDeviceFilter(cgroup: string, program: Uint8Array): void {
  const target = openSync(cgroup, 'r');
  try {
    attach(target, loaded(program));
  } finally {
    closeSync(target);
  }
}

/**
 * The descriptor of the last program stays open, for the next box of the same process, which mostly
 * has the same one: loading it takes half a millisecond, attaching it some microseconds.
 */
let last: { readonly program: Uint8Array; readonly filter: number } | undefined;

function loaded(program: Uint8Array): number {
  if (last !== undefined && Buffer.compare(last.program, program) === 0) return last.filter;
  const filter = load(program);
  if (last !== undefined) closeSync(last.filter);
  last = { program, filter };
  return filter;
}

/** Bytes of the largest part of `union bpf_attr` used here, up to and with `prog_name`. */
const ATTRIBUTES = 64;

function load(program: Uint8Array): number {
  const license = Buffer.from('MIT\0');
  const attributes = new Uint8Array(ATTRIBUTES);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, bpfProgramTypes.BPF_PROG_TYPE_CGROUP_DEVICE, true);
  view.setUint32(4, program.length / 8, true);
  view.setBigUint64(8, addressOf(program), true);
  view.setBigUint64(16, addressOf(license), true);
  attributes.set(Buffer.from('tsbox_devices'), 48);
  const verified = () => syscall('bpf', bpfCommands.BPF_PROG_LOAD, attributes, ATTRIBUTES);
  try {
    return verified();
  } catch (error) {
    if (!(error instanceof SyscallError && errnoName(error.errno) === 'EAGAIN')) throw error;
    // The verifier gives up where a signal waits: without end where they come faster than it works.
    return undisturbed(verified);
  }
}

function attach(target: number, filter: number): void {
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, target, true);
  view.setUint32(4, filter, true);
  view.setUint32(8, bpfAttachTypes.BPF_CGROUP_DEVICE, true);
  view.setUint32(12, bpfAttachFlags.BPF_F_ALLOW_MULTI, true);
  syscall('bpf', bpfCommands.BPF_PROG_ATTACH, attributes, attributes.length);
}

/** Whether the kernel does not let this process have any filter; EINVAL: it was built without them. */
export function isFilterWithheld(error: unknown): boolean {
  return (
    error instanceof SyscallError && ['EPERM', 'ENOSYS', 'EINVAL'].includes(errnoName(error.errno))
  );
}

/** Interfaces whose cable a program holds: the kernel's Documentation/networking/tuntap.rst. */
import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { encodeFilter, type FilterInstruction } from '../abi/classic-bpf.ts';
import { errnoNumber } from '../abi/errno.ts';
import { tunFlags, tunRequests } from '../abi/netlink.ts';
import { addressOf, SyscallError, syscall } from './native.ts';
import { openProcess } from './process.ts';

/** Of `struct ifreq`, netdevice(7), and of the name in it. */
const REQUEST_SIZE = 40;
const NAME_SIZE = 16;

/**
 * Makes an interface of this thread's network namespace, which is gone with its last descriptor.
 * @param path of /dev/net/tun.
 * @param name at most 15 bytes.
 * @returns a descriptor, closed by execve, that reads and writes its frames, each behind a `struct virtio_net_hdr`.
 * @throws SyscallError, or Error of Node's where the device cannot be opened.
 */
export function openTap(path: string, name: string): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const request = Buffer.alloc(REQUEST_SIZE);
    request.write(name, 0, NAME_SIZE - 1);
    const { IFF_TAP, IFF_NO_PI, IFF_VNET_HDR } = tunFlags;
    request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, NAME_SIZE);
    syscall('ioctl', fd, tunRequests.TUNSETIFF, request);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Has a program that carries an interface's frames get no others than the filter passes. The kernel keeps
 * the filter with the program's descriptor: who has the interface, its other end, does not come to it.
 * @param pid of the program, which may be any that this process may trace: ptrace(2).
 * @param name of the interface.
 * @param filter of each frame as many bytes are passed on as it returns.
 * @throws SyscallError with ENODEV where the program has no such descriptor; or Error of Node's where it has ended
 */
export function filterFrames(
  pid: number,
  name: string,
  filter: readonly FilterInstruction[],
): void {
  const fd = descriptorOf(pid, name);
  try {
    const instructions = encodeFilter(filter);
    // struct sock_fprog
    const program = BigUint64Array.of(BigInt(filter.length), addressOf(instructions));
    syscall('ioctl', fd, tunRequests.TUNATTACHFILTER, program);
  } finally {
    closeSync(fd);
  }
}

/** A descriptor of ours for it, closed by execve: pidfd_getfd(2). */
function descriptorOf(pid: number, name: string): number {
  const carries = new RegExp(`^iff:\\s*${name}$`, 'm');
  const theirs = readdirSync(`/proc/${pid}/fdinfo`).find((fd) =>
    carries.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')),
  );
  const process = openProcess(pid);
  if (theirs === undefined || process === undefined)
    throw new SyscallError('pidfd_getfd', errnoNumber('ENODEV'));
  try {
    return syscall('pidfd_getfd', process, Number(theirs), 0);
  } finally {
    closeSync(process);
  }
}

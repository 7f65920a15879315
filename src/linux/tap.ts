/** Interfaces whose cable a program holds: the kernel's Documentation/networking/tuntap.rst. */
import { closeSync, constants, openSync } from 'node:fs';
import { tunFlags, tunRequests } from '../abi/netlink.ts';
import { syscall } from './native.ts';

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

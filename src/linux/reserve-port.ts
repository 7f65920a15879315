/** Keeps a port of the host's for a box: no other program gets it meanwhile. */
import { closeSync } from 'node:fs';
import { socketFamilies, socketTypes } from '../abi/flags.ts';
import { socketAddressBytes } from '../plan/network-calls.ts';
import type { Address } from '../spec/addresses.ts';
import { syscall } from './native.ts';

/**
 * @param when `also after use`: connections to it that have ended do not count, socket(7), SO_REUSEADDR.
 * @returns a descriptor; closing it gives the port up.
 * @throws SyscallError with EADDRINUSE where it is another's.
 */
export function reservePort(
  protocol: 'tcp' | 'udp',
  address: Address,
  port: number,
  when: 'unused' | 'also after use' = 'unused',
): number {
  const { AF_INET, AF_INET6 } = socketFamilies;
  const { SOCK_STREAM, SOCK_DGRAM, SOCK_CLOEXEC } = socketTypes;
  const family = address.family === 4 ? AF_INET : AF_INET6;
  const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM;
  const socket = syscall('socket', family, type | SOCK_CLOEXEC, 0);
  try {
    const [IPPROTO_IPV6, IPV6_V6ONLY, on] = [41, 26, Int32Array.of(1)];
    if (family === AF_INET6)
      syscall('setsockopt', socket, IPPROTO_IPV6, IPV6_V6ONLY, on, on.byteLength);
    const [SOL_SOCKET, SO_REUSEADDR] = [1, 2];
    if (when === 'also after use' && protocol === 'tcp')
      syscall('setsockopt', socket, SOL_SOCKET, SO_REUSEADDR, on, on.byteLength);
    const name = socketAddressBytes(address, port);
    syscall('bind', socket, name, name.length);
    return socket;
  } catch (error) {
    closeSync(socket);
    throw error;
  }
}

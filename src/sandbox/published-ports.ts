/** Ports of the host's that are to lead into a box: whether they are to be had. */
import { closeSync, existsSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError } from '../linux/native.ts';
import { reservePort } from '../linux/reserve-port.ts';
import type { Address } from '../spec/addresses.ts';
import type { PublishedPort } from '../spec/network.ts';
import { printPort } from '../spec/ports.ts';
import { BoxError } from './errors.ts';

/**
 * Keeps them, so that no other program gets them.
 * @param families of the addresses at which one is that has none of its own.
 * @returns descriptors.
 * @throws BoxError where one is another program's.
 */
export function reservePorts(
  ports: readonly PublishedPort[],
  families: readonly Address['family'][],
): number[] {
  const sockets: number[] = [];
  try {
    for (const [port, address] of places(ports, families))
      sockets.push(orRefuse(port, () => reservePort(port.protocol, address, port.host)));
    return sockets;
  } catch (error) {
    for (const socket of sockets) closeSync(socket);
    throw error;
  }
}

/** For a program that is about to take them, and would not say what hinders it. @throws BoxError */
export function checkPorts(ports: readonly PublishedPort[]): void {
  const families = existsSync('/proc/net/if_inet6') ? ([4, 6] as const) : ([4] as const);
  for (const [port, address] of places(ports, families))
    closeSync(
      orRefuse(port, () => reservePort(port.protocol, address, port.host, 'also after use')),
    );
}

function places(
  ports: readonly PublishedPort[],
  families: readonly Address['family'][],
): [PublishedPort, Address][] {
  const everywhere = families.map((family): Address => ({ family, value: 0n }));
  return ports.flatMap((port) =>
    (port.address === undefined ? everywhere : [port.address]).map(
      (address): [PublishedPort, Address] => [port, address],
    ),
  );
}

function orRefuse(port: PublishedPort, reserve: () => number): number {
  try {
    return reserve();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BoxError(`--publish ${printPort(port)}: ${whys[error.errno] ?? error.message}`, {
      cause: error,
    });
  }
}

const whys: Readonly<Record<number, string>> = {
  [errnoNumber('EADDRINUSE')]:
    'another program, or another box, has that port of the host: choose another',
  [errnoNumber('EADDRNOTAVAIL')]: 'the host has no such address: `ip address` shows those it has',
  [errnoNumber('EACCES')]:
    'only root may use ports of the host below net.ipv4.ip_unprivileged_port_start, which is mostly 1024: choose another',
};

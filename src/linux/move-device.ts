/** Hands an interface of the host's to a process: linux.netDevices of the OCI runtime specification. */
import { closeSync, openSync } from 'node:fs';
import { release } from 'node:os';
import { errnoNumber } from '../abi/errno.ts';
import {
  type FormerAddress,
  type Link,
  linkUp,
  moveLink,
  returnLink,
  sameAddress,
} from '../plan/links.ts';
import { inNamespaces } from './namespaces.ts';
import { SyscallError } from './native.ts';
import { findLink, isLinkUp, readAddresses, sendMessages } from './netlink.ts';
import { randomHex } from './random.ts';

/** One of the two is to be called. */
export interface Moved {
  /** The box goes on: what becomes of the interface is its affair, and the kernel's. */
  keep(): void;
  /** The box has come to nothing: the host has it again as it had it, without its routes. @throws SyscallError */
  giveBack(): void;
}

/**
 * To the network namespace of the process, where it is up and has the addresses that it had; its routes
 * are gone, as the kernel has it.
 * @param to its name there, perhaps with `%d` for a number that is free.
 * @throws SyscallError; then the host has it as before, perhaps without its routes.
 */
export function moveDevice(name: string, to: string, pid: number): Moved {
  requireChosenNumbers();
  const here = findLink(name);
  if (here === undefined) throw new SyscallError(`the interface ${name}`, errnoNumber('ENODEV'));
  const [addresses, wasUp] = [readAddresses(here), isLinkUp(here)];
  // By its name it could not be told from others when the kernel chooses that, or has not come to change it.
  const index = 2 ** 30 + Number.parseInt(randomHex(3), 16);
  const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
  const there = <T>(act: () => T): T =>
    inNamespaces([{ flag: 'CLONE_NEWNET', path: `/proc/self/fd/${namespace}` }], act);
  const giveBack = (): void => {
    const own = openSync('/proc/thread-self/ns/net', 'r');
    try {
      there(() => sendMessages([returnLink(index, name, own)]));
      configure(name, addresses, wasUp);
    } finally {
      closeSync(own);
      closeSync(namespace);
    }
  };
  try {
    sendMessages([moveLink(name, to, index)], pid);
    there(() => configure(index, addresses, true));
  } catch (error) {
    // It has gone there before its new name is found to be another's.
    if (findLink(name) === here) closeSync(namespace);
    else giveBack();
    throw error;
  }
  return { keep: () => closeSync(namespace), giveBack };
}

/** IFLA_NEW_IFINDEX, which older kernels pass over. */
function requireChosenNumbers(): void {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 5 || (major === 5 && minor < 12))
    throw new Error(`this kernel is ${major}.${minor}, and Linux 5.12 is needed`);
}

function configure(link: Link, addresses: readonly FormerAddress[], up: boolean): void {
  const messages = addresses.map((address) => sameAddress(link, address));
  sendMessages(up ? [...messages, linkUp(link)] : messages);
}

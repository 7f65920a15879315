/** Looks for pasta(1), which gives boxes of users their networks. */
import { whyNotOpened } from '../linux/devices.ts';
import { type Pasta, TUN_DEVICE } from '../spec/network.ts';
import { locate, programs, type Tool } from './tool.ts';

export const pasta: Tool = {
  name: 'pasta',
  places: programs,
  users: '--network pasta',
  mend: 'as root: apt-get install passt',
};

/** Whether it is installed, and may make interfaces for this caller, who is not root, as with podman. */
export function findPasta(): Pasta {
  if (process.geteuid?.() === 0)
    return { lacks: 'pasta is for users without root', mend: 'use --network=bridge' };
  const program = locate(pasta);
  if (program === undefined)
    return {
      lacks: `there is no pasta in ${programs.join(', ')}`,
      mend: "install it (Debian's package passt)",
    };
  const why = whyNotOpened(TUN_DEVICE);
  if (why === undefined) return { program };
  return {
    lacks: `pasta may not open ${TUN_DEVICE}, through which it makes interfaces: ${why}`,
    mend: OPEN_TUN,
  };
}

export const OPEN_TUN = `as root: modprobe tun && chmod 666 ${TUN_DEVICE}`;

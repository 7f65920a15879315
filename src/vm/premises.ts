/** Where and as whom the programs of a micro-VM are jailed: facts of this host and of the caller. */
import { readFileSync } from 'node:fs';
import type { Host } from '../plan/host.ts';
import type { Inmate, JailPlace } from '../plan/jail.ts';
import type { SeccompFilter } from '../plan/seccomp.ts';
import { BoxError } from '../sandbox/errors.ts';
import { leastCalls } from '../sandbox/filter.ts';
import { systemPlaces } from '../sandbox/system-places.ts';
import { jailId } from '../spec/id-range.ts';

export interface Premises extends Pick<Host, 'arch' | 'anchor' | 'lastCapability'> {
  /** What any program needs to be loaded. */
  readonly system: readonly JailPlace[];
  /** What a program may call that has no capability. */
  readonly leastCalls: SeccompFilter;
  /** Who QEMU is, and who virtiofsd. */
  readonly nobody: Omit<Inmate, 'capabilities'>;
  readonly root: Omit<Inmate, 'capabilities'>;
}

/**
 * @param host whose anchor is the state directory.
 * @param box its id, hexadecimal digits, by which it gets a user of its own.
 * @throws BoxError where no jail can be made.
 */
export async function readPremises(host: Host, box: string): Promise<Premises> {
  const { arch, anchor, lastCapability = 0 } = host;
  if (host.mountApi === 'paths') throw new BoxError((await whyUnjailed()).join('\n  '));
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const own = jailId(box);
  const people = mayBecome(own)
    ? {
        nobody: { uid: own, gid: own },
        root: { uid: 0, gid: 0 },
      }
    : {
        nobody: { uid, gid, standsFor: { uid, gid } },
        root: { uid: 0, gid: 0, standsFor: { uid, gid } },
      };
  const filter = await leastCalls(arch);
  return { arch, anchor, lastCapability, system: systemPlaces(), leastCalls: filter, ...people };
}

async function whyUnjailed(): Promise<string[]> {
  const { whyRefused } = await import('../causes/causes.ts');
  return [
    'QEMU cannot be jailed: the calls for it (mount_setattr, Linux 5.12) are refused here: run it as a container',
    ...(await whyRefused('mount_setattr')),
  ];
}

/** Root in a user namespace, as in a container, has few ids: user_namespaces(7). */
function mayBecome(id: number): boolean {
  if (process.geteuid?.() !== 0) return false;
  return readFileSync('/proc/self/uid_map', 'utf8')
    .split('\n')
    .some((line) => {
      const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
      return inside <= id && id < inside + count;
    });
}

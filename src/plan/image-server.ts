/**
 * The process of fuse-overlayfs that serves a box its root file system (served-root.ts). It works for
 * a hostile workload on a hostile image, in a C program that reads both: so it is in a jail, which
 * holds the image, read-only, and the space for what is written. It has the box's ids in a user
 * namespace of its own, so that the box has no rights over it, and is in no PID namespace of the box's.
 */
import type { Box } from '../spec/box.ts';
import type { Host } from './host.ts';
import { mapIds } from './id-maps.ts';
import { firstId } from './identity.ts';
import type { Jail, JailPlace } from './jail.ts';
import { jailedProgram, planServer, type ServerPlan } from './jailed-program.ts';
import { FIRST_EXTRA } from './program.ts';

/** To do what users of the box ask for: the kernel has judged by then whether they may. */
const toServe = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_SETFCAP'];

/**
 * What is written counts as the box's memory. Without room left for the server it would wait for memory
 * that only its own end gives back: so the workload is told that the disk is full before.
 */
function room({ spec }: Box): { readonly size?: number } {
  const limit = spec.linux.resources.memory?.limit;
  return limit === undefined ? {} : { size: Math.floor((limit * 3) / 4) };
}

/** @param system what any program needs. The descriptor of FUSE is the only one that it is given. */
export function planImageServer(
  box: Box,
  host: Host,
  program: string,
  system: readonly JailPlace[],
): ServerPlan {
  const { uidMappings, gidMappings } = box.spec.linux;
  const { arch, anchor, caller, lastCapability = 0 } = host;
  const jail: Jail = {
    arch,
    anchor,
    lastCapability,
    places: [
      ...system,
      // It reaches what it has opened by /proc/self/fd.
      { kind: 'proc', path: 'proc' },
      {
        kind: 'host directory',
        path: 'image',
        source: box.spec.root.path,
        access: 'read-only',
      },
      { kind: 'scratch', path: 'scratch', ...room(box) },
      { kind: 'directory', path: 'scratch/upper' },
      { kind: 'directory', path: 'scratch/work' },
    ],
    inmate: {
      uid: firstId(uidMappings),
      gid: firstId(gidMappings),
      standsFor: { uid: caller.uid, gid: caller.gid },
      capabilities: toServe,
    },
    limits: { RLIMIT_CORE: 0n },
  };
  const layers = 'lowerdir=/image,upperdir=/scratch/upper,workdir=/scratch/work';
  const argv = [program, '-f', '-o', layers, `/dev/fd/${FIRST_EXTRA}`];
  const server = jailedProgram(jail, argv, 1, mapIds(box, host));
  return planServer(server, host.cgroup, box.id, 'fuse-overlayfs', 'server');
}

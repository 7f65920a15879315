/**
 * The process of fuse-overlayfs that serves a box its root file system (served-root.ts). It works for
 * a hostile workload on a hostile image, in a C program that reads both: so it is in a jail, which
 * holds the image, read-only, and the space for what is written. It has the box's ids in a user
 * namespace of its own, so that the box has no rights over it, and is in no PID namespace of the box's.
 */
import type { Box } from '../spec/box.ts';
import type { HostAction } from './action.ts';
import { accountPath } from './cgroup.ts';
import type { Host } from './host.ts';
import { mapIds } from './id-maps.ts';
import { firstId } from './identity.ts';
import { type Jail, type JailPlace, jailSections } from './jail.ts';
import { FIRST_EXTRA } from './program.ts';
import type { Section } from './step.ts';

/** To do what users of the box ask for: the kernel has judged by then whether they may. */
const toServe = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_SETFCAP'];

export interface ImageServer {
  /** By tsbox, before it is started. */
  readonly before: readonly HostAction[];
  /** What it uses counts as the box's, which cannot reach it: beside the box's in the one with the limits. */
  readonly cgroup: string | undefined;
  readonly jail: Jail;
  readonly argv: readonly string[];
  readonly maps: readonly HostAction[];
  readonly sections: readonly Section[];
}

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
): ImageServer {
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
  const cgroup = host.cgroup && `${accountPath(host.cgroup, box.id)}/server`;
  return {
    before:
      cgroup === undefined ? [] : [{ call: 'mkdir', path: cgroup, why: 'for fuse-overlayfs' }],
    cgroup,
    jail,
    argv,
    maps: mapIds(box, host),
    sections: jailSections(jail, argv, 1),
  };
}

import type { Attachment, NetworkRequest, Place } from './network.ts';
import type { ReadyWhen } from './snapshot-when.ts';
import type { IdMapping, Spec } from './spec.ts';

/** One run: a specification, and what the OCI leaves to the runtime. */
export interface Box {
  /** Names the box's cgroup and state directory: `[a-z0-9]+`. */
  readonly id: string;
  readonly spec: Spec;
  /**
   * Where the workload's writes go: `ephemeral`, into a layer that vanishes with the box;
   * `writable`, into the root file system itself.
   */
  readonly layer: 'ephemeral' | 'writable';
  /** Whether its PID 1 is an init of tsbox's, and the workload a child of that. */
  readonly init?: boolean;
  /** Which system calls tsbox hears of: those that the box's profile denies, or all; none if absent. */
  readonly watch?: 'denied' | 'all';
  /** Absolute: the directory of the OCI bundle from which the specification comes. */
  readonly bundle?: string;
  /** Path of the mount namespace whose /dev/shm it has instead of one of its own. */
  readonly sharedMemory?: string;
  /** How many of tsbox's descriptors, from 3 on, are the workload's, too; none if absent. */
  readonly preserved?: number;
  /** What the record of the running box says of it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Absent for a box that has its loopback interface alone. */
  readonly network?: BoxNetwork;
}

export interface BoxNetwork extends NetworkRequest {
  /** Its place on a network of tsbox's, once it has one. */
  readonly attachment?: Attachment;
  /** That of a micro-VM which pasta leads out, once it does. */
  readonly place?: Place;
  /** Files of tsbox's that it sees in place of the image's. */
  readonly files?: readonly { readonly source: string; readonly destination: string }[];
}

/** Where its interface is; pasta configures that of a container by itself. */
export function placeOf(network: BoxNetwork | undefined): Place | undefined {
  return network?.attachment ?? network?.place;
}

/**
 * What is asked for. The user namespace is not in the specification yet: it is the container
 * driver's affair, and a micro-VM has no need of one.
 */
export interface BoxRequest extends Omit<Box, 'id'> {
  readonly ids: BoxIds;
  /** Number of the signal that the workload gets where SIGTERM comes to tsbox; SIGTERM if absent. */
  readonly stopSignal?: number;
  /** Seconds after which the workload is killed; never if absent. */
  readonly timeout?: number;
  /** What the box would usually have, and why this host has not got it: to be told, a sentence. */
  readonly lacks?: string;
  readonly machine?: MachineWish;
}

/** What is asked of the machine of a micro-VM, and means nothing to a container. */
export interface MachineWish {
  /** The name of its guest's kernel. */
  readonly kernel?: string;
  /**
   * Whether it goes on where one that was saved stood: `auto` (where that can be), `always`, or `never`, and
   * then it boots.
   */
  readonly snapshot?: SnapshotMode;
  /** It is saved under this name once its workload is ready, and that is its end. */
  readonly save?: { readonly name: string; readonly when: ReadyWhen };
  /** It goes on, with its workload, where the one of this name was saved. */
  readonly from?: string;
}

export const snapshotModes = ['auto', 'always', 'never'] as const;
export type SnapshotMode = (typeof snapshotModes)[number];

/** Which ids of the host stand behind those of the box. */
export interface BoxIds {
  /**
   * Whether they are a range that no other box has, chosen when the box starts: `required`,
   * `preferred` (where the host and the image allow it), or `no`, and then those below.
   */
  readonly own: 'required' | 'preferred' | 'no';
  /** Both are empty where the box has no user namespace. */
  readonly uid: readonly IdMapping[];
  readonly gid: readonly IdMapping[];
  /** Whether somebody asked for a user namespace: a driver that makes none must refuse then. */
  readonly asked: boolean;
  /** Whom `keep-id` makes the workload's user, unless another one is asked for: `UID:GID`. */
  readonly user?: string;
  /** Why a box that could have had ids of its own gets those of the host: to be told, a sentence. */
  readonly given?: string;
}

/** Those of a box whose specification says it all. */
export const hostIds: BoxIds = { own: 'no', uid: [], gid: [], asked: false };

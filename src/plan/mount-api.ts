/**
 * How a box's mounts are made and attached. Linux 5.12 has calls for it that work on descriptors
 * alone (mounts-by-descriptor.ts); where they are missing, or an outer seccomp filter refuses them,
 * mount(2) has to do (mounts-by-path.ts). What is mounted where, and how a place in the image is
 * found, is the same for both, and so is the rule: the image never decides where something goes.
 */
import type { Directory } from './arguments.ts';
import type { Host } from './host.ts';
import type { MountAttribute, Propagation, Reach } from './mount-calls.ts';
import { descriptorMounts } from './mounts-by-descriptor.ts';
import { pathMounts } from './mounts-by-path.ts';
import type { Slot, Step } from './step.ts';

/** Of a step: when it is passed over, and what to do when it fails. */
export type More = Pick<Step, 'needs' | 'unless' | 'hint'>;

export interface MountApi {
  /**
   * Takes hold of where the mounts are put together, before anything else of the host is opened.
   * @param sources paths of the host's that are to be copied.
   */
  openAnchor(sources: readonly string[]): Step[];
  /** From here on the slot `scratch` holds a tmpfs that only this mount namespace sees. */
  makeScratch(): Step[];
  /** A new file system, as a mount that is not in the box yet. @param hint for when it cannot be made. */
  newFileSystem(
    type: string,
    options: readonly string[],
    attributes: readonly MountAttribute[],
    into: Slot,
    why: string,
    hint?: string,
  ): Step[];
  /** A second mount of what is at a path of the host's, or of the scratch directory; not in the box yet. */
  copy(source: Source, into: Slot, reach: Reach, why: string, more?: More): Step[];
  /** A second mount of what the slot holds, with all that is mounted below. Passed over while it is empty. */
  copyOpened(source: Slot, into: Slot, why: string): Step[];
  /**
   * Gives attributes to a mount that is not in the box yet, or is settled. @param attributes those that
   * it has already are among them: {@link inherited}.
   */
  setAttributes(
    mount: Slot,
    attributes: readonly MountAttribute[],
    reach: Reach,
    why: string,
  ): Step[];
  /** The same for its propagation. */
  setPropagation(mount: Slot, type: Propagation, reach: Reach, why: string): Step[];
  /** Puts a mount on the file or directory that `place` holds. Passed over while either is empty. */
  attach(mount: Slot, place: Slot, why: string, hint?: string): Step[];
  /** Puts a mount into the scratch directory, under its slot's name. */
  settle(mount: Slot, why: string): Step[];
}

/** Attributes of the host's mount that a copy of `path` begins with, where they have to be repeated. */
export function inherited(host: Host, path: string): readonly MountAttribute[] {
  return host.sourceMounts?.get(path)?.attributes ?? [];
}

/** `path` is taken from the working directory, or from the scratch directory. */
export interface Source {
  readonly at: Directory;
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

export function mountApi(host: Host): MountApi {
  return host.mountApi === 'paths' ? pathMounts(host) : descriptorMounts(host);
}

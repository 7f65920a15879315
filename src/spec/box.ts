import type { Spec } from './spec.ts';

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
  /** Which system calls tsbox hears of: those that the box's profile denies, or all; none if absent. */
  readonly watch?: 'denied' | 'all';
}

import type { SubordinateIds } from './id-range.ts';
import type { IdMapping } from './spec.ts';

/** What maps a user's subordinate ids. */
export interface MapPrograms {
  readonly uid: string;
  readonly gid: string;
}

/** Who the caller is, as far as the ids of boxes depend on it. */
export interface CallerIds extends SubordinateIds {
  /**
   * `root` of the initial user namespace may map any id; `nested root`, of any other, the ids that
   * it has; a `user` its own, and with newuidmap(1) those that /etc/subuid gives it.
   */
  readonly kind: 'root' | 'nested root' | 'user';
  readonly uid: number;
  readonly gid: number;
  /** Whether nobody in its user namespace may change its supplementary groups, user_namespaces(7). */
  readonly keepsGroups: boolean;
  /** Login name; undefined for a user that the host does not know. */
  readonly name?: string | undefined;
  /** Paths of newuidmap(1) and newgidmap(1); undefined unless both are there. */
  readonly mapPrograms?: MapPrograms | undefined;
  /** What the caller's own user namespace has, as an identity map; of use to a nested root alone. */
  readonly available: { readonly uid: readonly IdMapping[]; readonly gid: readonly IdMapping[] };
}

/** Root of a host on which nobody has set ids aside. */
export const plainRoot: CallerIds = {
  kind: 'root',
  uid: 0,
  gid: 0,
  keepsGroups: false,
  subuid: '',
  subgid: '',
  available: { uid: [], gid: [] },
};

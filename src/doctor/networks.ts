/** Whether a box of root's can be put on a bridge. */
import type { Cause } from '../causes/cause.ts';
import { byCause, type Check, missing, ok } from './check.ts';

export interface NetworkFacts {
  /** What the kernel says to a change of its packet filter, if it refuses it. */
  readonly refused: string | undefined;
  /** Why tsbox lacks the right. */
  readonly rights: Cause | undefined;
  /** Whether /proc/sys/net can be written to. */
  readonly writable: boolean;
}

/** Where it cannot, boxes have their loopback interface alone. */
export function checkNetworks({ refused, rights, writable }: NetworkFacts): Check {
  const [name, use] = ['networks', 'some options'] as const;
  const what = 'none but loopback';
  if (rights !== undefined) return byCause(name, use, what, rights);
  if (refused !== undefined)
    return missing(
      name,
      use,
      what,
      `the kernel's packet filter cannot be changed: ${refused}`,
      'a kernel with nf_tables is needed (CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_INET)',
    );
  if (!writable)
    return missing(
      name,
      use,
      what,
      '/proc/sys is read-only: the host cannot be made to pass packets on',
      'run tsbox outside of the container that it is in',
    );
  return ok(name, use, 'bridges and nf_tables');
}

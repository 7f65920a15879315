/** Whether a box of root's can be put on a bridge. */
import type { Cause } from '../causes/cause.ts';
import { byCause, type Check, missing, ok } from './check.ts';

export interface NetworkFacts {
  /** Path of nft(8). */
  readonly nft: string | undefined;
  /** Why tsbox lacks the right. */
  readonly rights: Cause | undefined;
  /** Whether /proc/sys/net can be written to. */
  readonly writable: boolean;
}

/** Where it cannot, boxes have their loopback interface alone. */
export function checkNetworks({ nft, rights, writable }: NetworkFacts): Check {
  const [name, use] = ['networks', 'some options'] as const;
  const what = 'none but loopback';
  if (rights !== undefined) return byCause(name, use, what, rights);
  if (nft === undefined)
    return missing(
      name,
      use,
      what,
      'nft is not installed, without which no packet leaves a network',
      "install Debian's package nftables",
    );
  if (!writable)
    return missing(
      name,
      use,
      what,
      '/proc/sys is read-only: the host cannot be made to pass packets on',
      'run tsbox outside of the container that it is in',
    );
  return ok(name, use, `bridges, with ${nft}`);
}

/** The range of the host's ids that a box has for itself, for as long as it runs. */
import { idRanges, ownRange, type SubordinateIds } from '../spec/id-range.ts';
import type { IdMaps } from '../spec/user-namespace.ts';
import { BoxError } from './errors.ts';
import type { BoxState } from './state.ts';

/** @throws BoxError when every range is another box's. */
export function claimIds(state: Pick<BoxState, 'claim'>, subordinate: SubordinateIds): IdMaps {
  let tried = 0;
  for (const start of idRanges(subordinate)) {
    if (state.claim(`ids-${start}`)) return mapsFrom(start);
    tried++;
  }
  throw new BoxError(
    tried === 0
      ? 'no ids for a user namespace: no range of 65536 ids is in both /etc/subuid and /etc/subgid for the user tsbox: add one to both, or give --userns=host'
      : `no ids for a user namespace: all ${tried} ranges of 65536 ids belong to boxes that are running: end one, set more aside in /etc/subuid and /etc/subgid for the user tsbox, or give --userns=host`,
  );
}

/** What a box would get if no other were running. */
export function firstIds(subordinate: SubordinateIds): IdMaps {
  return claimIds({ claim: () => true }, subordinate);
}

function mapsFrom(start: number): IdMaps {
  const range = ownRange(start);
  return { uid: [range], gid: [range] };
}

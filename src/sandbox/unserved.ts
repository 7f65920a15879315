/** What is told of a program of the host's that was to do something for a box, and does not. */
import { Refused } from './refusal.ts';

/** Who it is. */
export interface About {
  readonly call: string;
  /** What it does for the box. */
  readonly why: string;
  /** What a box has from whom it has ended. */
  readonly lost: string;
  /** What to do without it. */
  readonly hint?: string;
}

/** @param failed a sentence. */
export function unserved({ call, why, hint }: About, failed: string, cause: unknown): Refused {
  return new Refused({ call, errno: 0 }, { failed, call, why, hint }, { cause });
}

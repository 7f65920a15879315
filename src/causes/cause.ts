/** Why the kernel refused a call: what a probe has proved, not what is likely. */
import type { Refusal } from '../sandbox/refusal.ts';

export interface Cause {
  /** What is so on this host, with the name and the value of what was looked at. */
  readonly sentence: string;
  /** The command, or else the deed, that mends it. */
  readonly mend: string;
}

/**
 * One possible cause. A probe runs after a failure, or for `tsbox doctor`; it changes nothing, leaves
 * nothing behind and needs no more privileges than its caller has.
 */
export interface Probe {
  /** Whether it can be the cause at all, as far as the refusal itself tells; always where this is not given. */
  readonly concerns?: (refusal: Refusal) => boolean;
  /** What it looks at: told when nothing was proved. */
  readonly looksAt: string;
  readonly prove: (refusal: Refusal) => Cause | undefined | Promise<Cause | undefined>;
}

import type { Cause } from '../causes/cause.ts';

/** One thing that tsbox needs from its host. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'limited' | 'missing';
  /** What was found. */
  readonly what: string;
  /** Why that is so, or what it means for a box; empty when all is well. */
  readonly why: string;
  /** What to do about it; empty when all is well. */
  readonly mend: string;
  /** What can't be had without it. */
  readonly for: 'containers' | 'micro-VMs' | 'some options';
}

type For = Check['for'];

export function ok(name: string, use: For, what: string): Check {
  return { name, status: 'ok', what, why: '', mend: '', for: use };
}

export function limited(name: string, use: For, what: string, why: string, mend: string): Check {
  return { name, status: 'limited', what, why, mend, for: use };
}

export function missing(name: string, use: For, what: string, why: string, mend: string): Check {
  return { name, status: 'missing', what, why, mend, for: use };
}

/** What a probe of src/causes has proved. */
export function byCause(name: string, use: For, what: string, { sentence, mend }: Cause): Check {
  return missing(name, use, what, sentence, mend);
}

/** Whether a container can be started on a host with these. */
export function canRunContainers(checks: readonly Check[]): boolean {
  return !checks.some((check) => check.for === 'containers' && check.status === 'missing');
}

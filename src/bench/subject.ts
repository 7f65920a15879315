/** What a benchmark can time: one way to run the same workload. */
export interface Subject {
  readonly name: string;
  /** What is run in which kind of isolation, in a few words. */
  readonly what: string;
  /** Name and version of the program that isolates. */
  readonly version: string;
  /** What a reader must know to judge the figures; empty when there is nothing. */
  readonly note: string;
  /** The command line of one run. @param run counts from 0: no two runs share a name. */
  argv(run: number): readonly string[];
}

/** A subject that can't take part here, and why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

export type Candidate = Subject | Absent;

export function isAbsent(candidate: Candidate): candidate is Absent {
  return 'why' in candidate;
}

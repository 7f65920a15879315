/** A call that the kernel refused: told to the user, and to the probes that find out why (src/causes). */
import type { CloneFlag } from '../plan/container.ts';
import type { MountAttribute } from '../plan/mount-calls.ts';
import { BoxError } from './errors.ts';

export interface Refusal {
  /** Name of the system call, or of the program that made it. */
  readonly call: string;
  /** The kernel's positive number. */
  readonly errno: number;
  /** The file that it was made on, by a path of the host's. */
  readonly path?: string | undefined;
  /** Flags that a mount was to have. */
  readonly attributes?: readonly MountAttribute[] | undefined;
  /** The type of the file system that was to be mounted. */
  readonly fileSystem?: string | undefined;
  /** The namespaces that the box was to have. */
  readonly clone?: readonly CloneFlag[];
}

/** What is told of it, a line each. */
export interface Told {
  readonly failed: string;
  /** In the kernel's own words, where it has any. */
  readonly reason?: string;
  readonly call: string;
  readonly why: string;
  /** What to do, where the call alone tells. */
  readonly hint?: string | undefined;
}

export class Refused extends BoxError {
  readonly refusal: Refusal;
  readonly told: Told;

  constructor(refusal: Refusal, told: Told, options: { detail?: string; cause?: unknown } = {}) {
    super(print(told, told.hint === undefined ? [] : [`what to do: ${told.hint}`]), options);
    this.refusal = refusal;
    this.told = told;
  }

  /** The same with what the probes have found. */
  explained(lines: readonly string[]): BoxError {
    return new BoxError(print(this.told, lines), { detail: this.detail, cause: this.cause });
  }
}

function print({ failed, reason = '', call, why }: Told, lines: readonly string[]): string {
  const said = reason === '' ? [] : [`the kernel says: ${reason}`];
  return [failed, ...said, `call: ${call}`, `why it is made: ${why}`, ...lines].join('\n  ');
}

/** Reads what tsbox-init wrote down about the steps of a plan (native/plan.h, ORDER PLAN). */

const MAGIC = 0x50525354;
const HEADER_SIZE = 280;
const REASON_OFFSET = 24;
const ENTRY_SIZE = 16;

export type ReportState = 'running' | 'failed' | 'refused' | 'ended';
const states: readonly ReportState[] = ['running', 'failed', 'refused', 'ended'];

/** Why tsbox-init refuses a plan, in the order of `enum plan_fault`. */
export const planFaults = [
  'none',
  'shorter than its header says',
  'not a plan',
  'of another version',
  'too many steps, slots or bytes',
  'the data area does not end in zero',
  'a relocation outside the data area',
  'an unknown operation',
  'an argument of unknown kind',
  'a pointer outside the data area',
  'a slot that the plan does not have',
  'the report has no room for every step',
  'longer than its header says',
] as const;

export interface Report {
  readonly state: ReportState;
  /** The step that was begun last. */
  readonly step: number;
  /** errno of a failed step; index into {@link planFaults} of a refused plan. */
  readonly error: number;
  /** What the kernel said of a failed step of the fd-based mount API, a line each; mostly empty. */
  readonly reason: string;
  /** CLOCK_MONOTONIC in nanoseconds. */
  readonly started: bigint;
  /** When the last step that was carried out ended; `started` when none was. */
  readonly ended: bigint;
  /** Made when it is asked for: a run that goes well has no use for it. */
  readonly entries: readonly ReportEntry[];
}

export interface ReportEntry {
  /** CLOCK_MONOTONIC in nanoseconds; 0 when the step was passed over or not reached. */
  readonly end: bigint;
  /** As the kernel returned it: a negative errno on failure. */
  readonly result: bigint;
}

/** Bytes that the report of so many steps takes. */
export function reportSize(steps: number): number {
  return HEADER_SIZE + steps * ENTRY_SIZE;
}

/** undefined when tsbox-init never came to write one. */
export function decodeReport(bytes: Uint8Array): Report | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const state = states[view.getUint32(4, true)];
  if (view.getUint32(0, true) !== MAGIC || state === undefined) return undefined;
  const count = Math.floor((bytes.length - HEADER_SIZE) / ENTRY_SIZE);
  const started = view.getBigUint64(16, true);
  return {
    state,
    step: view.getUint32(8, true),
    error: view.getUint32(12, true),
    get reason() {
      return reasonIn(bytes.subarray(REASON_OFFSET, HEADER_SIZE));
    },
    started,
    ended: lastEnd(view, count) ?? started,
    get entries() {
      return Array.from({ length: count }, (_, index) => ({
        end: view.getBigUint64(HEADER_SIZE + index * ENTRY_SIZE, true),
        result: view.getBigInt64(HEADER_SIZE + index * ENTRY_SIZE + 8, true),
      }));
    },
  };
}

/**
 * Messages about a file-system context, behind one another: each is a letter for its kind (error,
 * warning, information), a space, a text and a newline. A guest may have written anything.
 */
function reasonIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end))
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(/^[ewi] /, '').replaceAll(/[^ -~]/g, '?'))
    .join('\n')
    .trim();
}

function lastEnd(view: DataView, count: number): bigint | undefined {
  for (let index = count - 1; index >= 0; index--) {
    const end = view.getBigUint64(HEADER_SIZE + index * ENTRY_SIZE, true);
    if (end !== 0n) return end;
  }
  return undefined;
}

/** Hands plans to the decoder of tsbox-init, built with sanitizers (native/decode-check.c). */
import { execFileSync, spawnSync } from 'node:child_process';

const native = new URL('../../native/', import.meta.url).pathname;
execFileSync('make', ['--silent', '-C', native, 'build/decode-check']);

/** What the decoder makes of a plan; strings are hexadecimal digits. */
export interface Decoded {
  readonly fault: number;
  readonly slots: number;
  readonly steps: readonly DecodedStep[];
  /** The strings to which its relocated pointers refer. */
  readonly pointers: readonly string[];
  readonly data: string;
}

export interface DecodedStep {
  readonly op: number;
  readonly number: number;
  readonly into: number;
  readonly needs: number;
  readonly accept: readonly number[];
  readonly args: readonly DecodedArgument[];
}

export interface DecodedArgument {
  readonly kind: number;
  /** As a decimal number: it may have 64 bits. */
  readonly value: string;
  readonly string?: string;
  readonly strings?: readonly string[];
  /** The word that follows a vector. */
  readonly behind?: string;
}

export interface Answer {
  /** A line of JSON for each plan; fewer when the decoder was ended by a sanitizer. */
  readonly lines: readonly string[];
  readonly status: number | null;
  /** The sanitizer's report. */
  readonly stderr: string;
}

export function decodeCheck(plans: readonly Uint8Array[]): Answer {
  const input = Buffer.concat(plans.flatMap((plan) => [lengthOf(plan), plan]));
  // Where processes may not be traced, looking for leaks would fail.
  const env = { ASAN_OPTIONS: 'detect_leaks=0' };
  const program = `${native}build/decode-check`;
  const { stdout, stderr, status } = spawnSync(program, { input, env, maxBuffer: 2 ** 30 });
  const lines = stdout.toString().split('\n').slice(0, -1);
  return { lines, status, stderr: stderr.toString() };
}

/** @throws Error with the sanitizer's report. */
export function decodeAll(plans: readonly Uint8Array[]): Decoded[] {
  const { lines, status, stderr } = decodeCheck(plans);
  if (status !== 0) throw new Error(`decode-check: ${stderr}`);
  return lines.map((line) => JSON.parse(line));
}

export function decode(plan: Uint8Array): Decoded {
  return decodeAll([plan])[0] as Decoded;
}

function lengthOf(plan: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(plan.length);
  return length;
}

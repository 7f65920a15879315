/** What this process may do, of proc_pid_status(5) and proc_pid_limits(5). */
import { readFileSync } from 'node:fs';
import { capabilityMask } from '../abi/capabilities.ts';

/** A file's text; undefined when there is none or it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export interface ProcessStatus {
  readonly effective: bigint;
  readonly bounding: bigint;
  /** Whether a filter of seccomp(2) is in force. */
  readonly filtered: boolean;
  readonly noNewPrivileges: boolean;
}

/** @param text of /proc/self/status. */
export function parseStatus(text: string): ProcessStatus {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? '0';
  return {
    effective: BigInt(`0x${field('CapEff')}`),
    bounding: BigInt(`0x${field('CapBnd')}`),
    filtered: field('Seccomp') === '2',
    noNewPrivileges: field('NoNewPrivs') === '1',
  };
}

export function ownStatus(): ProcessStatus {
  return parseStatus(readText('/proc/self/status') ?? '');
}

export function holds(set: bigint, capability: string): boolean {
  return (set & capabilityMask([capability])) !== 0n;
}

/** A soft limit by its words in /proc/self/limits; Infinity for `unlimited`. */
export function softLimit(words: string, limits = readText('/proc/self/limits') ?? ''): number {
  const value = new RegExp(`^${words}\\s+(\\S+)`, 'm').exec(limits)?.[1];
  return value === undefined || value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value);
}

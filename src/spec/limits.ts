/** `--memory`, `--cpus`, `--pids-limit`, `--ulimit` and `--umask`: words to numbers. */
import { rlimitNumbers } from '../abi/rlimits.ts';
import { SpecError } from './errors.ts';
import type { Resources, Rlimit } from './spec.ts';

const units: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** One page: memory.max is kept in pages, and less than one is none. */
const MIN_MEMORY = 4096;

/** A whole number with b, k, m or g behind it. @returns undefined for anything else, and for what no number holds. */
export function parseBytes(value: string): number | undefined {
  const [, digits = '', unit = 'b'] = /^([0-9]+)([bkmg])?$/i.exec(value) ?? [];
  const bytes = Number(digits) * (units[unit.toLowerCase()] ?? 1);
  return digits === '' || bytes > Number.MAX_SAFE_INTEGER ? undefined : bytes;
}

/**
 * @param flag that has this value.
 * @returns bytes; undefined for 0, podman's word for no limit.
 * @throws SpecError
 */
export function parseMemory(value: string, flag = '--memory'): number | undefined {
  const bytes = parseBytes(value);
  if (bytes === 0) return undefined;
  if (bytes === undefined || bytes < MIN_MEMORY) {
    throw new SpecError([
      `${flag} ${value}: not an amount of memory: a whole number with b, k, m or g behind it, of at least ${MIN_MEMORY} bytes, is, such as 64m`,
    ]);
  }
  return bytes;
}

/** Microseconds; the kernel's own default for a period (cgroup-v2.rst, `cpu.max`). */
const CPU_PERIOD = 100_000;

/** The kernel takes no quota under 1 ms, and its tables end at 8192 processors (CONFIG_NR_CPUS). */
const [MIN_CPUS, MAX_CPUS] = [0.01, 8192];

/** @returns undefined for 0, podman's word for no limit. @throws SpecError */
export function parseCpus(value: string): NonNullable<Resources['cpu']> | undefined {
  const cpus = /^([0-9]+(\.[0-9]+)?|\.[0-9]+)$/.test(value) ? Number(value) : Number.NaN;
  if (cpus === 0) return undefined;
  if (!(cpus >= MIN_CPUS && cpus <= MAX_CPUS)) {
    throw new SpecError([
      `--cpus ${value}: not a number of processors: ${MIN_CPUS} to ${MAX_CPUS} are, such as 0.5 or 2`,
    ]);
  }
  return { quota: Math.round(cpus * CPU_PERIOD), period: CPU_PERIOD };
}

/** The kernel's PID_MAX_LIMIT. */
const MAX_PIDS = 2 ** 22;

/** @returns undefined for `-1`, which podman and docker read as "no limit". @throws SpecError */
export function parsePidsLimit(value: string): number | undefined {
  if (value === '-1') return undefined;
  const limit = /^[0-9]{1,7}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > MAX_PIDS) {
    throw new SpecError([
      `--pids-limit ${value}: not a number of processes: 1 to ${MAX_PIDS} are, and -1 for no limit`,
    ]);
  }
  return limit;
}

/** RLIM_INFINITY, getrlimit(2). */
const UNLIMITED = 2n ** 64n - 1n;

/**
 * `NAME=SOFT[:HARD]`.
 * @returns undefined for `host`: the caller's limits, which a box has anyway.
 * @throws SpecError
 */
export function parseUlimit(value: string): Rlimit | undefined {
  if (value === 'host') return undefined;
  const [, name = '', softText = '', hardText = softText] =
    /^([a-z]+)=([^:]+)(?::([^:]+))?$/.exec(value) ?? [];
  if (name === '') {
    throw new SpecError([
      `--ulimit ${value}: not of the form NAME=SOFT[:HARD], such as nofile=1024:2048`,
    ]);
  }
  const type = `RLIMIT_${name.toUpperCase()}`;
  if (!Object.hasOwn(rlimitNumbers, type)) {
    throw new SpecError([`--ulimit ${value}: no limit is called ${name}; there are: ${ulimits()}`]);
  }
  const [soft, hard] = [parseRlimit(value, softText), parseRlimit(value, hardText)];
  if (soft > hard) {
    throw new SpecError([
      `--ulimit ${value}: the soft limit is above the hard one; it may be as high at most`,
    ]);
  }
  return { type, soft, hard };
}

function parseRlimit(value: string, text: string): bigint {
  if (text === 'unlimited' || text === '-1') return UNLIMITED;
  const limit = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : UNLIMITED;
  if (limit < UNLIMITED) return limit;
  throw new SpecError([
    `--ulimit ${value}: ${text} is not a limit: a whole number below 2^64, unlimited and -1 are`,
  ]);
}

function ulimits(): string {
  return Object.keys(rlimitNumbers)
    .map((type) => type.slice('RLIMIT_'.length).toLowerCase())
    .sort()
    .join(', ');
}

/** @throws SpecError */
export function parseUmask(value: string): number {
  if (/^[0-7]{1,4}$/.test(value) && Number.parseInt(value, 8) <= 0o777) {
    return Number.parseInt(value, 8);
  }
  throw new SpecError([`--umask ${value}: not a mask: octal numbers from 0 to 0777 are`]);
}

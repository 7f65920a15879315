/**
 * What a running box says of itself to other runs of tsbox: a line of its lock file, which nobody else
 * can write to (state.ts). It is believed as long as the lock is held.
 */
import { uptime } from 'node:os';
import type { Box } from '../spec/box.ts';
import type { IdMapping, Mount } from '../spec/spec.ts';

export interface BoxRecord {
  readonly kind: 'container' | 'vm';
  /** Its first process, or QEMU; and that of the tsbox that made it, its parent. */
  readonly pid: number;
  readonly owner: number;
  /** Seconds since the host started, clock_gettime(2), CLOCK_BOOTTIME: the process is not younger. */
  readonly written: number;
  readonly args: readonly string[];
  readonly hostname?: string;
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  /** Directories and files of the host's that it was given. */
  readonly volumes: readonly Mount[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** As a line. */
export function recordOf({ spec, labels }: Box, kind: BoxRecord['kind'], pid: number): string {
  const { uidMappings, gidMappings } = spec.linux;
  const record: BoxRecord = {
    kind,
    pid,
    owner: process.pid,
    written: uptime(),
    args: spec.process.args,
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    uidMappings,
    gidMappings,
    volumes: spec.mounts.filter(isVolume),
    ...(labels === undefined ? {} : { labels }),
  };
  return JSON.stringify(record);
}

/** The host's shared memory (`--ipc=host`) is none. */
function isVolume({ type, source, destination }: Mount): boolean {
  return type === 'bind' && !(destination === '/dev/shm' && source === destination);
}

export function isRecord(line: string): boolean {
  return line.startsWith('{');
}

/** Machines that were saved with their workload, under names that users gave them. */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';
import type { BoxRequest } from '../spec/box.ts';
import type { Place } from '../spec/network.ts';
import type { Connection } from './machine.ts';
import type { Accelerator } from './qemu/command-line.ts';
import { whyNoStore } from './store.ts';

export interface Snapshot {
  readonly name: string;
  readonly memory: string;
  readonly state: string;
  readonly disk: string;
  readonly record: SnapshotRecord;
}

/** What is known of one; whoever can read it can read its memory, too. */
export interface SnapshotRecord {
  /** ISO 8601. */
  readonly created: string;
  /** Of what runs in it. */
  readonly box: Pick<BoxRequest, 'spec' | 'layer' | 'init' | 'labels' | 'ids'>;
  /** Number of the workload's process in the guest. */
  readonly process: number;
  /** Paths in the guest of files of the host's. */
  readonly files: readonly string[];
  readonly place?: Place;
  readonly card?: Connection['kind'];
  readonly accelerator: Accelerator;
  /** Whether its kernel finds its devices by ACPI. */
  readonly acpi: boolean;
  /** Of the QEMU that saved it: its command line, and which program it was. */
  readonly qemu: { readonly argv: readonly string[]; readonly version: string };
}

export function snapshotsIn(data: string): string {
  return join(data, 'snapshots');
}

export const snapshotName = /^[a-z0-9][a-z0-9._-]*$/;

export function filesOf(name: string, directory: string): Omit<Snapshot, 'record'> {
  const file = (part: string) => join(directory, part);
  return { name, memory: file('memory'), state: file('state'), disk: file('disk') };
}

/** A place for them. @throws BoxError */
export function openSnapshots(data: string): string {
  const directory = snapshotsIn(data);
  const why = whyNoStore(directory);
  if (why === undefined) return directory;
  throw new BoxError(
    `snapshots cannot be kept in ${directory} (${why}): make it yours alone, or name another place in TSBOX_DATA`,
  );
}

export function writeRecord(directory: string, record: SnapshotRecord): void {
  writeFileSync(join(directory, RECORD), JSON.stringify(record, bigToText), { mode: 0o600 });
}

const RECORD = 'snapshot.json';

/** Addresses are numbers that JSON has not. */
const bigToText = (_: string, value: unknown) =>
  typeof value === 'bigint' ? { bigint: String(value) } : value;

const textToBig = (_: string, value: unknown) =>
  typeof value === 'object' && value !== null && 'bigint' in value
    ? BigInt(String(value.bigint))
    : value;

/** @throws BoxError where there is none. */
export function findSnapshot(data: string, name: string): Snapshot {
  const directory = join(openSnapshots(data), name);
  if (!snapshotName.test(name) || !existsSync(directory)) {
    const names = listSnapshots(data).map((each) => each.name);
    throw new BoxError(
      `no snapshot ${name}: there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}; \`tsbox run --vm --snapshot-as ${name}\` makes it`,
    );
  }
  const files = filesOf(name, directory);
  try {
    const record = JSON.parse(readFileSync(join(directory, RECORD), 'utf8'), textToBig);
    for (const file of [files.memory, files.state, files.disk]) lstatSync(file);
    return { ...files, record };
  } catch (error) {
    throw new BoxError(
      `the snapshot ${name} is not whole (${(error as Error).message}): remove it by \`tsbox vm rm ${name}\`, and save it anew`,
      { cause: error },
    );
  }
}

export function listSnapshots(data: string): { readonly name: string; readonly bytes: number }[] {
  const directory = snapshotsIn(data);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => snapshotName.test(name))
    .sort()
    .map((name) => ({ name, bytes: usage(join(directory, name)) }));
}

/** Bytes on the disk. */
function usage(directory: string): number {
  return readdirSync(directory).reduce(
    (sum, name) => sum + lstatSync(join(directory, name)).blocks * 512,
    0,
  );
}

/** @throws BoxError where there is none. */
export function removeSnapshot(data: string, name: string): void {
  const directory = join(openSnapshots(data), name);
  if (!snapshotName.test(name) || !existsSync(directory)) findSnapshot(data, name);
  rmSync(directory, { recursive: true, force: true });
}

/** Finds a box that is running by its id, and its process, whatever happens to both meanwhile. */
import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLocked } from '../linux/lock.ts';
import { isChild, openProcess } from '../linux/process.ts';
import { BoxError } from './errors.ts';
import { type BoxRecord, isRecord } from './record.ts';
import { ownStateDirectory } from './state.ts';

export interface RunningBox extends BoxRecord {
  readonly id: string;
  /** Refers to this very process for as long as it is open, pidfd_open(2). */
  readonly pidfd: number;
}

/**
 * @param what the flag: what a message begins with.
 * @param word the id, or as much of its beginning as no other box has.
 * @throws BoxError
 */
export function findRunning(what: string, word: string): RunningBox {
  const uid = process.geteuid?.() ?? 0;
  const { path, there } = ownStateDirectory(process.env, uid);
  const records = there ? readdirSync(path).flatMap((name) => recordAt(path, name)) : [];
  const found = records.filter(({ id }) => /^[0-9a-f]+$/.test(word) && id.startsWith(word));
  const [box, other] = found;
  if (other !== undefined)
    throw new BoxError(
      `${what}: several boxes begin with that: ${found.map(({ id }) => id).join(', ')}`,
    );
  if (box === undefined) throw new BoxError(`${what}: no such box is running: ${listing(records)}`);
  const pidfd = processOf(box, join(path, `${box.id}.lock`));
  if (pidfd === undefined) throw new BoxError(`${what}: the box has just ended`);
  return { ...box, pidfd };
}

type Known = BoxRecord & { readonly id: string };

/** That of a box whose tsbox is alive. */
function recordAt(directory: string, name: string): Known[] {
  const [, id] = /^([0-9a-f]+)\.lock$/.exec(name) ?? [];
  if (id === undefined) return [];
  const path = join(directory, name);
  const line = isHeld(path) ? readLines(path).findLast(isRecord) : undefined;
  return line === undefined ? [] : [{ ...(JSON.parse(line) as BoxRecord), id }];
}

/** Lines that are whole. */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function isHeld(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    return isLocked(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * The number in the record can be another process's by now. So it is opened first, and what is true of
 * the box's alone is looked at then: it is a child of the tsbox that holds the lock, and was there when
 * that wrote the record.
 */
function processOf({ pid, owner, written }: Known, lock: string): number | undefined {
  const pidfd = openProcess(pid);
  if (pidfd === undefined) return undefined;
  if (isChild(pid, pidfd, owner, written) && isHeld(lock)) return pidfd;
  closeSync(pidfd);
  return undefined;
}

function listing(records: readonly Known[]): string {
  if (records.length === 0) return 'none of yours is';
  const all = records.map(({ id, args, labels = {} }) => {
    const words = Object.entries(labels).map(([name, value]) => ` ${name}=${value}`);
    return `${id} (${args[0]}${words.join('')})`;
  });
  return `${all.join(', ')} ${records.length === 1 ? 'is' : 'are'}`;
}

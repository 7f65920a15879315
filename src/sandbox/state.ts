/**
 * What a box leaves on the host while it runs: a lock that ends with tsbox however tsbox ends, a
 * cgroup of the same name and, where the driver makes it, a directory. A lock that is free means
 * that its owner was killed: whoever finds it ends and removes what is left.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isInitialUserNamespace, outerUid } from '../linux/caller-ids.ts';
import { depthFirst } from '../linux/depth-first.ts';
import { tryLock } from '../linux/lock.ts';
import { makeDirectory } from '../linux/make-directory.ts';
import { SyscallError } from '../linux/native.ts';
import { randomHex } from '../linux/random.ts';
import { BoxError } from './errors.ts';
import { requireOwnPath } from './own-path.ts';
import { isRecord } from './record.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

export interface BoxState {
  readonly id: string;
  /** A path that belongs to this box alone; there is nothing yet. */
  readonly directory: string;
  /**
   * Gives its lock a second name, which no other box has then.
   * @param name `[a-z]+-[0-9]+`, of what there is only one.
   * @returns whether it was free.
   */
  claim(name: string): boolean;
  /** Keeps a line for whoever finds the box abandoned. */
  note(line: string): void;
  notes(): string[];
  /** Removes everything of the box below the state directory, and gives up the lock. */
  remove(): Promise<void>;
  /** Gives up the lock alone: a later run finds the box abandoned. */
  abandon(): void;
}

/** Where boxes keep their state: gone after a reboot, as boxes are. */
export function stateDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  return join(runtimeDirectory(env, uid), 'tsbox/boxes');
}

/** What the VM driver found out about KVM, until the host restarts; `tsbox doctor` reads it, too. */
export function verdictFile(env: NodeJS.ProcessEnv, uid: number): string {
  return join(runtimeDirectory(env, uid), 'tsbox/kvm.json');
}

/** What each QEMU of the host's has said it can do, until the host restarts. */
export function qemuFactsFile(env: NodeJS.ProcessEnv, uid: number): string {
  return join(runtimeDirectory(env, uid), 'tsbox/qemus.json');
}

function runtimeDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  if (uid === 0 && (isForRoot() || isInitialUserNamespace())) return '/run';
  // The XDG Base Directory Specification: a relative path is invalid and to be ignored.
  const named = env.XDG_RUNTIME_DIR?.startsWith('/') ? env.XDG_RUNTIME_DIR : undefined;
  if (uid !== 0) return named ?? `/tmp/tsbox-${uid}`;
  // What has been left of root's environment is not of who has become root in a user namespace.
  return named !== undefined && isOwn(named) ? named : `/tmp/tsbox-${outerUid(uid)}`;
}

/** Root of a container may write there, and who is root in a user namespace on the host may not. */
function isForRoot(): boolean {
  for (const path of ['/run/tsbox/boxes', '/run/tsbox', '/run'])
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false;
    }
  return false;
}

function isOwn(path: string): boolean {
  try {
    return statSync(path).uid === process.geteuid?.();
  } catch {
    return false;
  }
}

/** One that {@link ownStateDirectory} has looked at. */
export interface StateDirectory {
  readonly path: string;
  /** Whether it was there. */
  readonly there: boolean;
}

/**
 * The same, once it is sure that nobody else can plant anything there: what lies beside the boxes is
 * believed, too.
 * @throws BoxError
 */
export function ownStateDirectory(env: NodeJS.ProcessEnv, uid: number): StateDirectory {
  const path = stateDirectory(env, uid);
  return { path, there: requireOwn(path) };
}

/**
 * Whoever else may change a name on the way to the state chooses what tsbox makes and removes:
 * `/tmp/tsbox-UID` can be anybody's who comes first.
 */
function requireOwn(path: string): boolean {
  try {
    return requireOwnPath(path, OWN_NAMES);
  } catch (error) {
    throw unusable(path, error as Error);
  }
}

/** `tsbox/boxes`, and the runtime directory around it. */
const OWN_NAMES = 3;

/** Makes the state of a new box. @throws BoxError */
export function claimState({ path: parent, there }: StateDirectory): BoxState {
  try {
    if (!there) {
      makeDirectory(parent);
      // What was not there before may have become another's meanwhile.
      requireOwn(parent);
    }
    for (;;) {
      const id = randomHex(6);
      const lock = lockOf(parent, `${id}.lock`, O_RDWR | O_CREAT | O_EXCL);
      // Another tsbox may have taken the new file for an abandoned one.
      if (lock === undefined) continue;
      return ownedState(parent, id, lock);
    }
  } catch (error) {
    // An error of none of these calls is about something else.
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined && !(error instanceof SyscallError)) throw error;
    throw unusable(parent, error as Error);
  }
}

function unusable(parent: string, cause: Error): BoxError {
  return new BoxError(
    `the state directory ${parent} cannot be used: ${cause.message}: tsbox keeps the state of running boxes there`,
    { cause },
  );
}

/** The boxes whose tsbox was killed; each is locked until it is removed. */
export function abandonedBoxes({ path: parent, there }: StateDirectory): BoxState[] {
  const names = there ? lockFiles(parent) : [];
  return names.flatMap((name) => {
    const id = name.slice(0, -'.lock'.length);
    const lock = lockOf(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return lock === undefined ? [] : [ownedState(parent, id, lock)];
  });
}

function lockFiles(parent: string): string[] {
  try {
    return readdirSync(parent).filter((name) => /^[0-9a-f]+\.lock$/.test(name));
  } catch {
    return [];
  }
}

/** @returns a descriptor that holds the lock; undefined where another process does, or it is no lock. */
function lockOf(parent: string, name: string, flags: number): number | undefined {
  let fd: number;
  try {
    fd = openSync(join(parent, name), flags, 0o600);
  } catch (error) {
    // Removed by its owner since it was listed, or a link.
    const { code = '' } = error as NodeJS.ErrnoException;
    if ((flags & O_CREAT) === 0 && ['ENOENT', 'ELOOP'].includes(code)) return undefined;
    throw error;
  }
  if (fstatSync(fd).isFile() && tryLock(fd) && fstatSync(fd).nlink > 0) return fd;
  closeSync(fd);
  return undefined;
}

function ownedState(parent: string, id: string, lock: number): BoxState {
  const directory = join(parent, id);
  return {
    id,
    directory,
    claim: (name) => claimName(parent, `${id}.lock`, name),
    note: (line) => writeSync(lock, `${line}\n`),
    notes: () => readNotes(lock).filter((line) => !isRecord(line)),
    remove: async () => {
      // Nothing is ever mounted here for the host: what is found is tsbox's own, or a workload's in
      // its copy of the image.
      if (existsSync(directory)) await removeTree(directory);
      if (fstatSync(lock).nlink > 1) removeClaims(parent, fstatSync(lock).ino);
      // Somebody may have tidied up /tmp.
      if (fstatSync(lock).nlink > 0) unlinkSync(`${directory}.lock`);
      closeSync(lock);
    },
    abandon: () => closeSync(lock),
  };
}

/** The last line may not be whole. */
function readNotes(lock: number): string[] {
  const bytes = new Uint8Array(MOST_NOTES);
  const size = readSync(lock, bytes, 0, MOST_NOTES, 0);
  return Buffer.from(bytes.subarray(0, size)).toString().split('\n').slice(0, -1);
}

/** Bytes. */
const MOST_NOTES = 4096;

/** What a killed tsbox has claimed stays so until its box is removed: a process of it could still be there. */
function claimName(parent: string, lock: string, name: string): boolean {
  try {
    linkSync(join(parent, lock), join(parent, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function removeClaims(parent: string, inode: number): void {
  for (const name of readdirSync(parent).filter((each) => claimed.test(each)))
    if (leadsTo(join(parent, name), inode)) unlinkSync(join(parent, name));
}

function leadsTo(path: string, inode: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === inode;
}

const claimed = /^[a-z]+-[0-9]+$/;

async function removeTree(directory: string): Promise<void> {
  // A directory of a copied image may be closed even to its owner, whom root is not subject to.
  const open = process.geteuid?.() === 0 ? undefined : (path: string) => chmodSync(path, 0o700);
  open?.(directory);
  await depthFirst(
    directory,
    (path, entry) => (entry.isDirectory() ? rmdirSync(path) : unlinkSync(path)),
    open,
  );
  rmdirSync(directory);
}

/**
 * Ids of others that a user may map with newuidmap(1) and newgidmap(1): what /etc/subuid and
 * /etc/subgid give it, and whether those programs have the rights for it. They are tried on a process
 * that waits in a user namespace.
 */
import { realpathSync, statSync } from 'node:fs';
import { loginName } from '../linux/caller-ids.ts';
import { findProgram } from '../linux/find-program.ts';
import { mountAround } from '../linux/mountinfo.ts';
import { SyscallError, syscall } from '../linux/native.ts';
import { rangesOf } from '../spec/id-range.ts';
import { whileHeld } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { ownStatus, readText } from './status.ts';

const kinds = [
  { program: 'newuidmap', file: '/etc/subuid', add: '--add-subuids' },
  { program: 'newgidmap', file: '/etc/subgid', add: '--add-subgids' },
] as const;
type Kind = (typeof kinds)[number];

export interface SubordinateFacts {
  readonly kind: Kind;
  /** Login name, or the id of a user without one. */
  readonly user: string;
  readonly uid: number;
  /** Text of the file; undefined where it cannot be read. */
  readonly text: string | undefined;
  /** Where the program is; undefined where it is not. */
  readonly program:
    | {
        readonly path: string;
        /** Whether it is set-user-id root, or has file capabilities. */
        readonly privileged: boolean;
        /** The mount that it lies on, if that takes such privileges away. */
        readonly nosuid: string | undefined;
      }
    | undefined;
  readonly noNewPrivileges: boolean;
  /** What the program said when it was tried; undefined when it did what it should, or was not tried. */
  readonly words: string | undefined;
}

export const subordinateIds: Probe = {
  looksAt: 'newuidmap and newgidmap mapped an id of /etc/subuid and /etc/subgid',
  prove: proveSubordinateIds,
};

/** @returns undefined for root, who needs neither, and where ids can be mapped. */
export async function proveSubordinateIds(): Promise<Cause | undefined> {
  if (process.geteuid?.() === 0) return undefined;
  for (const kind of kinds) {
    const cause = judgeSubordinateIds(await subordinateFacts(kind));
    if (cause !== undefined) return cause;
  }
  return undefined;
}

async function subordinateFacts(kind: Kind): Promise<SubordinateFacts> {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const user = loginName() ?? String(uid);
  const text = readText(kind.file);
  const path = findProgram(kind.program);
  const range = rangeOf(text, user, uid);
  const own = kind.program === 'newuidmap' ? uid : gid;
  return {
    kind,
    user,
    uid,
    text,
    program: path === undefined ? undefined : { path, ...privilegesOf(path) },
    noNewPrivileges: ownStatus().noNewPrivileges,
    words:
      path === undefined || range === undefined ? undefined : await tryOne(path, own, range.start),
  };
}

async function tryOne(program: string, own: number, start: number): Promise<string | undefined> {
  const { execa } = await import('execa');
  return whileHeld(['CLONE_NEWUSER'], async (pid) => {
    const map = [pid, 0, own, 1, 1, start, 1].map(String);
    const result = await execa(program, map, {
      reject: false,
      cwd: '/',
      stdin: 'ignore',
      timeout: 5000,
    });
    if (!result.failed) return undefined;
    return result.stderr.trim().split('\n')[0] || `exit status ${result.exitCode}`;
  });
}

export function judgeSubordinateIds(facts: SubordinateFacts): Cause | undefined {
  const { kind, user, uid, text, program, words } = facts;
  if (program === undefined)
    return {
      sentence: `${kind.program}, which maps ids that are not your own, is in no directory of PATH`,
      mend: 'as root: apt-get install uidmap (elsewhere: shadow-utils)',
    };
  if (rangeOf(text, user, uid) === undefined)
    return {
      sentence: `${kind.file} ${text === undefined ? 'cannot be read' : `has no line for ${user}`}`,
      mend: `as root: usermod ${kind.add} 100000-165535 ${user}`,
    };
  if (words === undefined) return undefined;
  const failed = `${program.path} maps no ids ("${words}")`;
  if (facts.noNewPrivileges)
    return {
      sentence: `${failed}: tsbox runs with no_new_privs (NoNewPrivs: 1 in /proc/self/status), so that no program gains rights`,
      mend: 'run tsbox outside the container or service that sets it: --security-opt no-new-privileges, allowPrivilegeEscalation: false, NoNewPrivileges=yes',
    };
  if (program.nosuid !== undefined)
    return {
      sentence: `${failed}: it lies on ${program.nosuid}, which is mounted nosuid, so that it gains no rights`,
      mend: `as root: mount -o remount,suid ${program.nosuid}, or install it elsewhere`,
    };
  if (!program.privileged)
    return {
      sentence: `${failed}: it is not set-user-id root and has no file capabilities`,
      mend: `as root: chmod u+s ${program.path}`,
    };
  return { sentence: failed, mend: `see ${kind.program}(1) for what it asks of ${kind.file}` };
}

function rangeOf(text: string | undefined, name: string, uid: number) {
  return rangesOf(text ?? '', { name, uid })[0];
}

const S_ISUID = 0o4000;

function privilegesOf(path: string) {
  const real = realpathSync(path);
  const { mode, uid } = statSync(real);
  const around = mountAround(readText('/proc/self/mountinfo') ?? '', real);
  return {
    privileged: ((mode & S_ISUID) !== 0 && uid === 0) || hasFileCapabilities(real),
    nosuid: around?.attributes.includes('MOUNT_ATTR_NOSUID') ? around.point : undefined,
  };
}

/** capabilities(7), "File capabilities" */
function hasFileCapabilities(path: string): boolean {
  try {
    return syscall('getxattr', path, 'security.capability', new Uint8Array(24), 24) > 0;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

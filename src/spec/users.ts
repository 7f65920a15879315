/** `--user`: `NAME|UID[:GROUP|GID]`, looked up in the image's passwd(5) and group(5). */
import { SpecError } from './errors.ts';

/** The largest id; one more is `(uid_t) -1`, which means "leave it as it is" to setresuid(2). */
export const MAX_ID = 2 ** 32 - 2;

export interface FoundUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory; `/` for a user that the image does not know. */
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Digits are always an id and never a name: a passwd file with a user called `1000` and uid 0
 * would otherwise make `--user 1000` root (CVE-2016-3697). Supplementary groups come along unless a
 * group is asked for, as with docker and podman.
 * @throws SpecError
 */
export function findUser(value: string, passwd: string, group: string): FoundUser {
  const [who = '', asked, ...rest] = value.split(':');
  if (who === '' || asked === '' || rest.length > 0) {
    throw new SpecError([
      `--user ${value}: not of the form NAME|UID[:GROUP|GID], such as 1000, nobody or 1000:100`,
    ]);
  }
  const entries = parsePasswd(passwd);
  const groups = parseGroup(group);
  const { uid, entry } = whoIs(value, who, entries);
  return {
    uid,
    gid: asked === undefined ? (entry?.gid ?? 0) : groupId(`--user ${value}`, asked, groups),
    additionalGids: asked === undefined ? supplementary(entry, groups) : [],
    home: entry?.home || '/',
  };
}

/** An id in decimal; undefined for anything else, a sign or a leading zero included. */
export function parseId(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function whoIs(
  value: string,
  who: string,
  entries: readonly PasswdEntry[],
): { uid: number; entry: PasswdEntry | undefined } {
  if (/^[0-9]+$/.test(who)) {
    const uid = parseId(who);
    if (uid === undefined) throw new SpecError([notAnId(`--user ${value}`, who)]);
    return { uid, entry: entries.find((entry) => entry.uid === uid) };
  }
  const entry = entries.find(({ name }) => name === who);
  if (entry === undefined) throw new SpecError([unknown(`--user ${value}`, 'user', who, entries)]);
  return { uid: entry.uid, entry };
}

/**
 * The id of one group.
 * @param flag with its value: what a message begins with.
 * @param group text of the image's group(5).
 * @throws SpecError
 */
export function findGroup(flag: string, asked: string, group: string): number {
  return groupId(flag, asked, parseGroup(group));
}

function groupId(flag: string, asked: string, groups: readonly GroupEntry[]): number {
  if (/^[0-9]+$/.test(asked)) {
    const gid = parseId(asked);
    if (gid === undefined) throw new SpecError([notAnId(flag, asked)]);
    return gid;
  }
  const found = groups.find(({ name }) => name === asked);
  if (found === undefined) throw new SpecError([unknown(flag, 'group', asked, groups)]);
  return found.gid;
}

function supplementary(entry: PasswdEntry | undefined, groups: readonly GroupEntry[]): number[] {
  if (entry === undefined) return [];
  const gids = groups.filter(({ members }) => members.includes(entry.name)).map(({ gid }) => gid);
  return [...new Set(gids)];
}

function notAnId(flag: string, digits: string): string {
  return `${flag}: ${digits} is not an id: whole numbers from 0 to ${MAX_ID} without leading zeros are`;
}

function unknown(
  flag: string,
  kind: 'user' | 'group',
  name: string,
  entries: readonly { readonly name: string }[],
): string {
  const file = kind === 'user' ? 'passwd' : 'group';
  const names = entries.map((entry) => entry.name).slice(0, 12);
  const known = names.length === 0 ? `it has none` : `it has ${names.join(', ')}`;
  return `${flag}: the image's /etc/${file} has no ${kind} ${JSON.stringify(name)}; ${known}; an id works without an entry`;
}

/** Lines that are not whole are passed over, as getpwnam(3) does. */
function parsePasswd(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uidText = '', gidText = '', , home = ''] = line.split(':');
    const [uid, gid] = [parseId(uidText), parseId(gidText)];
    if (name === '' || uid === undefined || gid === undefined) return [];
    return [{ name, uid, gid, home: home.startsWith('/') ? home : '/' }];
  });
}

function parseGroup(text: string): GroupEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , gidText = '', members = ''] = line.split(':');
    const gid = parseId(gidText);
    if (name === '' || gid === undefined) return [];
    return [{ name, gid, members: members.split(',').filter((member) => member !== '') }];
  });
}

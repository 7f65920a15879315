/** `mounts` of an OCI configuration (config.md, "Mounts" and "Linux mount options"). */
import { posix } from 'node:path';
import type { JsonObject } from './json.ts';
import type { IdMapping, Linux, Mount } from './spec.ts';

const types: Readonly<Record<string, Mount['type']>> = {
  bind: 'bind',
  none: 'bind',
  proc: 'proc',
  sysfs: 'sysfs',
  tmpfs: 'tmpfs',
  devpts: 'devpts',
  mqueue: 'mqueue',
  cgroup: 'cgroup',
  cgroup2: 'cgroup',
};

/** Words that say what is so anyway, and those that they take back. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  defaults: ['ro', 'nosuid', 'nodev', 'noexec', 'sync'],
  rw: ['ro'],
  rrw: ['rro'],
  suid: ['nosuid'],
  rsuid: ['rnosuid'],
  dev: ['nodev'],
  rdev: ['rnodev'],
  exec: ['noexec'],
  rexec: ['rnoexec'],
  async: ['sync'],
  atime: ['noatime'],
  ratime: ['rnoatime'],
  diratime: ['nodiratime'],
  rdiratime: ['rnodiratime'],
  norelatime: ['relatime'],
  rnorelatime: ['rrelatime'],
  nostrictatime: ['strictatime'],
  rnostrictatime: ['rstrictatime'],
  nolazytime: ['lazytime'],
  noiversion: ['iversion'],
  nomand: ['mand'],
  loud: ['silent'],
};

const attributes = [
  'ro',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'relatime',
  'strictatime',
  'private',
  'slave',
  'shared',
  'unbindable',
];
/** All that a bind mount can be asked for. */
const ofBinds = ['bind', 'rbind', 'idmap', ...attributes, ...attributes.map((word) => `r${word}`)];

const refused: Readonly<Record<string, string>> = {
  tmpcopyup: 'what the image has there is not copied into an empty directory: leave it out',
  ridmap: 'the mounts below the source are mapped, too: use idmap with rbind',
  remount: 'there is nothing yet to be mounted again: leave it out',
};

export function readMounts(config: JsonObject, bundle: string, linux: Linux): Mount[] {
  return config.objects('mounts').map((mount) => readMount(mount, bundle, linux));
}

function readMount(mount: JsonObject, bundle: string, linux: Linux): Mount {
  mount.ignoreOthers(['destination', 'type', 'source', 'options', 'uidMappings', 'gidMappings']);
  const destination = readDestination(mount);
  const words = mount.texts('options');
  const binds = words.includes('bind') || words.includes('rbind');
  const word = mount.has('type') ? (mount.text('type') ?? '') : '';
  const type = binds ? 'bind' : (types[word] ?? 'tmpfs');
  if (!binds && (!Object.hasOwn(types, word) || word === 'none'))
    mount.problem(
      'type',
      `${word === '' ? 'missing' : word}: tsbox mounts ${Object.keys(types).join(', ')}, and a directory of the host with the option bind or rbind`,
    );
  const options = readOptions(mount, words, type);
  const mapped = readMaps(mount, type, linux) && !options.includes('idmap');
  return {
    destination,
    type,
    source: readSource(mount, type, bundle),
    options: mapped ? [...options, 'idmap'] : options,
  };
}

/** "It MAY be a relative path, in which case it MUST be interpreted as relative to /." */
function readDestination(mount: JsonObject): string {
  const text = mount.text('destination');
  const path = posix.resolve('/', text ?? '');
  if (text !== undefined && path === '/')
    mount.problem(
      'destination',
      `${JSON.stringify(text)}: nothing can be mounted on the root itself`,
    );
  return path;
}

function readSource(mount: JsonObject, type: Mount['type'], bundle: string): string {
  const source = mount.has('source') || type === 'bind' ? (mount.text('source') ?? '') : type;
  return type === 'bind' ? posix.resolve(bundle, source) : source;
}

function readOptions(mount: JsonObject, words: readonly string[], type: Mount['type']): string[] {
  return words.flatMap((word, index) => {
    const place = `options[${index}]`;
    if (Object.hasOwn(refused, word)) mount.problem(place, `${word}: ${refused[word]}`);
    else if (Object.hasOwn(defaults, word)) return [];
    else if (type === 'bind' && !ofBinds.includes(word))
      mount.problem(place, `${word}: no option of a mount of something that is there already`);
    const undone = words.slice(index + 1).some((later) => undoes(later, word));
    return undone ? [] : [word];
  });
}

function undoes(later: string, word: string): boolean {
  return Object.hasOwn(defaults, later) && (defaults[later]?.includes(word) ?? false);
}

/** tsbox maps the owners of a mount as the box's ids are mapped, and in no other way. */
function readMaps(mount: JsonObject, type: Mount['type'], linux: Linux): boolean {
  const [uid, gid] = [mount.objects('uidMappings'), mount.objects('gidMappings')];
  if (uid.length === 0 && gid.length === 0) return false;
  const same =
    sameMaps(uid.map(readMapping), linux.uidMappings) &&
    sameMaps(gid.map(readMapping), linux.gidMappings);
  if (type !== 'bind' || !same)
    mount.problem(
      'uidMappings',
      'owners of files can be mapped in bind mounts, and as linux.uidMappings and linux.gidMappings say: give the same, or the option idmap',
    );
  return true;
}

function sameMaps(one: readonly IdMapping[], other: readonly IdMapping[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const UINT32 = 2n ** 32n - 1n;

export function readMapping(mapping: JsonObject): IdMapping {
  mapping.ignoreOthers(['containerID', 'hostID', 'size']);
  return {
    containerID: Number(mapping.integer('containerID', UINT32) ?? 0),
    hostID: Number(mapping.integer('hostID', UINT32) ?? 0),
    size: Number(mapping.integer('size', UINT32, 1n) ?? 1),
  };
}

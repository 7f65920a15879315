/** The options of `--tmpfs`: those of mount(8) and tmpfs(5), beside podman's own (podman-run(1)). */
import { SpecError } from './errors.ts';

/** Words that undo one of the others; those of what is the default anyway undo nothing. */
const opposites: Readonly<Record<string, readonly string[]>> = {
  exec: ['noexec'],
  suid: ['nosuid'],
  dev: ['nodev'],
  rw: ['ro'],
  atime: ['noatime', 'strictatime', 'relatime'],
  diratime: ['nodiratime'],
  async: [],
  defaults: [],
  rprivate: [],
  private: [],
  // What is in the image at that place is hidden, as under any other mount.
  notmpcopyup: [],
};
const times = ['noatime', 'relatime', 'strictatime'];
const plain = new Set(['ro', 'noexec', 'nosuid', 'nodev', 'nodiratime', ...times]);
const data =
  /^(size=[0-9]+[kmgtpe%]?|nr_(inodes|blocks)=[0-9]+[kmgtpe]?|mode=[0-7]{1,4}|[ug]id=[0-9]{1,10})$/i;

/** What podman knows beside those, and why it is refused. */
const refused: Readonly<Record<string, string>> = {
  noswap:
    'the kernel has it for root of the host alone; where secrets must not get to a disk, encrypt the swap',
  tmpcopyup: 'tsbox copies nothing of the image there; leave it out, and fill it yourself',
  U: 'what is made there has the right owner already; uid= and gid= are whose the directory itself is',
};

/** @param what a problem begins with it. @throws SpecError */
export function withWord(what: string, options: readonly string[], word: string): string[] {
  if (Object.hasOwn(refused, word)) throw new SpecError([`${what}: ${word}: ${refused[word]}`]);
  const undone = Object.hasOwn(opposites, word) ? opposites[word] : undefined;
  if (undone !== undefined) return options.filter((option) => !undone.includes(option));
  if (!plain.has(word) && !data.test(word)) {
    throw new SpecError([
      `${what}: unknown option ${JSON.stringify(word)}: ro, rw, noexec, exec, nosuid, suid, nodev, dev, noatime, relatime, strictatime, nodiratime, size=, mode=, uid=, gid=, nr_inodes= and nr_blocks= are known`,
    ]);
  }
  const replaced = times.includes(word) ? times : [word];
  const key = word.split('=')[0];
  return [
    ...options.filter((option) => !replaced.includes(option) && option.split('=')[0] !== key),
    word,
  ];
}

/**
 * The options of a volume, by podman's words (podman-run(1), `--volume`), as those of the OCI runtime
 * specification (config.md, "Linux mount options").
 *
 * Podman's `ro` reaches the volume's own mount alone: what is mounted below stays writable. Docker
 * has made it reach all of them since version 25, and so does tsbox: whoever writes `ro` means that
 * the box can change nothing there. The same holds for nosuid, nodev, noexec and the times. In the
 * specification that is `rro`, `rnosuid` …; with `bind` nothing is below, and plain words do.
 */
import { SpecError } from './errors.ts';

/** Of each row one word can be given; the first is meant when none is. */
const choices = [
  ['rbind', 'bind'],
  ['rprivate', 'private', 'slave', 'rslave', 'shared', 'rshared', 'unbindable', 'runbindable'],
  ['nosuid', 'suid'],
  ['nodev', 'dev'],
  ['exec', 'noexec'],
  ['rw', 'ro', 'rro'],
  ['', 'relatime', 'noatime', 'strictatime'],
  ['', 'diratime', 'nodiratime'],
  ['', 'idmap'],
] as const;

/** Words that leave a mount as it is made. */
const silent = new Set(['', 'suid', 'dev', 'exec', 'diratime']);

/** Words that are about a mount's attributes, which can reach those below, too. */
const attributes = new Set([
  'nosuid',
  'nodev',
  'noexec',
  'ro',
  'relatime',
  'noatime',
  'strictatime',
  'nodiratime',
]);

const noLabels =
  'tsbox changes no SELinux labels of your files; leave it out, or label them yourself by chcon(1)';
const named = 'is for named volumes, which tsbox has not; leave it out';

/** What podman knows beside those, and why it is refused. */
const refused: Readonly<Record<string, string>> = {
  z: noLabels,
  Z: noLabels,
  U: 'tsbox changes no owner of your files; use idmap, which lets them seem to belong to the box',
  O: 'tsbox puts no layer over a volume; give a copy of the directory, or use ro',
  copy: named,
  nocopy: named,
};

/**
 * @param words as they are given, in any order.
 * @throws SpecError each problem begins with `what`.
 */
export function volumeOptions(what: string, words: readonly string[]): string[] {
  const problems = [...words.flatMap(problemOf), ...contradictions(words)];
  if (problems.length > 0) throw new SpecError(problems.map((problem) => `${what}: ${problem}`));
  const chosen = choices.map((row) => row.find((word) => words.includes(word)) ?? row[0]);
  const recursive = chosen.includes('rbind');
  return chosen
    .filter((word) => !silent.has(word))
    .map((word) => (recursive && attributes.has(word) ? `r${word}` : word));
}

const knownWords = choices.flat().filter((word) => word !== '');

function problemOf(word: string): string[] {
  if (Object.hasOwn(refused, word)) return [`${word}: ${refused[word]}`];
  if (word.startsWith('idmap='))
    return [`${word}: the ids are mapped as those of the box; write idmap alone`];
  if ((knownWords as readonly string[]).includes(word)) return [];
  return [`unknown option ${JSON.stringify(word)}: ${knownWords.join(', ')} are known`];
}

function contradictions(words: readonly string[]): string[] {
  return choices.flatMap((row) => {
    const given = row.filter((word) => words.includes(word));
    return given.length > 1
      ? [`${given.join(' and ')} contradict each other; give one of them or none`]
      : [];
  });
}

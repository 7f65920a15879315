/** `--sysctl NAME=VALUE`: a value of the kernel's that the box has of its own (podman-run(1), sysctl(8)). */
import { type ProblemList, SpecError } from './errors.ts';
import { splitPair } from './line-file.ts';
import type { Linux } from './spec.ts';
import { sysctlNamespace, sysctlPath } from './sysctl.ts';

/** @returns undefined where there are none. */
export function parseSysctls(
  words: readonly string[],
  namespaces: Linux['namespaces'],
  problems: ProblemList,
): Readonly<Record<string, string>> | undefined {
  if (words.length === 0) return undefined;
  const read = (word: string) => problems.attempt(() => [parseSysctl(word, namespaces)], []);
  return Object.fromEntries(words.flatMap(read));
}

/** @throws SpecError */
function parseSysctl(word: string, namespaces: Linux['namespaces']): readonly [string, string] {
  const { name, value } = splitPair(word);
  if (value === undefined || !/^[\w.*:@/-]+$/.test(name))
    throw new SpecError([
      `--sysctl ${word}: not of the form NAME=VALUE, such as net.ipv4.ip_forward=1`,
    ]);
  if (sysctlPath(name) === 'kernel/hostname')
    throw new SpecError([`--sysctl ${word}: the box's name is what --hostname says: use that`]);
  const owner = sysctlNamespace(name);
  if (owner === undefined)
    throw new SpecError([
      `--sysctl ${word}: it would change the host: kernel.msg*, kernel.sem, kernel.shm*, kernel.domainname, fs.mqueue.* and net.* are allowed, which each box has of its own`,
    ]);
  const own = namespaces.some(({ type, path }) => type === owner && path === undefined);
  if (own) return [name, value];
  throw new SpecError([
    `--sysctl ${word}: it belongs to the ${owner} namespace, and the box is asked to have none of its own: it would change all who share it`,
  ]);
}

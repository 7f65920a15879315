/**
 * The words of the command line and the variables of the environment as they were given: Node takes what
 * is not UTF-8 for U+FFFD.
 */
import { readFileSync } from 'node:fs';
import { textOfBytes } from '../spec/byte-text.ts';
import { splitPair } from '../spec/line-file.ts';

const REPLACED = '\ufffd';

/** @param words as Node has them. @returns the same, by the conventions of byte-text.ts. */
export function exactWords(words: readonly string[]): readonly string[] {
  if (!words.some((word) => word.includes(REPLACED))) return words;
  // Those for Node itself are first: proc_pid_cmdline(5).
  return textsIn('/proc/self/cmdline').slice(-words.length);
}

type Variables = Readonly<Record<string, string | undefined>>;

/** @param variables as Node has them. @returns the same, by the conventions of byte-text.ts. */
export function exactVariables(variables: Variables): Variables {
  const lossy = Object.entries(variables).some((pair) => pair.join('').includes(REPLACED));
  if (!lossy) return variables;
  // Of two with the same name getenv(3) takes the first: proc_pid_environ(5).
  const pairs = textsIn('/proc/self/environ').map(splitPair).toReversed();
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}

/** What ends with a zero each. */
function textsIn(path: string): string[] {
  const all = readFileSync(path, 'latin1').split('\0').slice(0, -1);
  return all.map((text) => textOfBytes(Buffer.from(text, 'latin1')));
}

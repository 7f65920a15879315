/** The words of the command line as they were given: Node takes what is not UTF-8 for U+FFFD. */
import { readFileSync } from 'node:fs';
import { textOfBytes } from '../spec/byte-text.ts';

/** @param words as Node has them. @returns the same, by the conventions of byte-text.ts. */
export function exactWords(words: readonly string[]): readonly string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  // proc_pid_cmdline(5): a zero behind each, those for Node itself first.
  const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
  return all.slice(-words.length).map((word) => textOfBytes(Buffer.from(word, 'latin1')));
}

/** `--snapshot-when`: what a box that is to be saved is waited for. */
import { SpecError } from './errors.ts';

export type ReadyWhen =
  /** A line of its output. */
  | { readonly kind: 'line'; readonly pattern: RegExp }
  /** A server of its own, at its loopback interface. */
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'time'; readonly seconds: number };

const MAX_PORT = 65535;

/** @throws SpecError */
export function parseReadyWhen(word: string): ReadyWhen {
  const [, kind, rest = ''] = /^(line|tcp):(.*)$/s.exec(word) ?? [];
  if (kind === 'line') return { kind, pattern: parsePattern(word, rest) };
  if (kind === 'tcp') {
    const port = /^\d{1,5}$/.test(rest) ? Number(rest) : 0;
    if (port < 1 || port > MAX_PORT) throw refused(word, 'a port is a number from 1 to 65535');
    return { kind, port };
  }
  if (!/^\d+(\.\d+)?$/.test(word))
    throw refused(word, 'it is line:REGEX, tcp:PORT, or a number of seconds');
  return { kind: 'time', seconds: Number(word) };
}

function parsePattern(word: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw refused(word, (error as Error).message);
  }
}

function refused(word: string, why: string): SpecError {
  return new SpecError([`--snapshot-when ${word}: ${why}`]);
}

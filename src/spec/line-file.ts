/**
 * The files of `--env-file` and `--label-file`, by podman's rules (podman-run(1)): one `NAME=VALUE` a
 * line. No shell reads them: quotes, backslashes, `$` and white space behind the name belong to the
 * value, and a value ends with its line.
 */
import { textOfBytes } from './byte-text.ts';
import { SpecError } from './errors.ts';

export interface Line {
  readonly name: string;
  /** undefined for a name alone. */
  readonly value: string | undefined;
}

/**
 * @param what the flag with the file's name: what a problem begins with.
 * @throws SpecError that names every line that cannot be read.
 */
export function parseLines(what: string, bytes: Uint8Array): Line[] {
  const lines = textOfBytes(bytes)
    .split(/\r?\n/)
    .map((line, index) => ({ number: index + 1, text: line.replace(/^[ \t]+/, '') }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const problems = lines.flatMap(({ number, text }) => {
    const wrong = text.startsWith('=')
      ? 'no name in front of ='
      : text.includes('\0')
        ? 'a zero byte, at which the kernel would end it'
        : undefined;
    return wrong === undefined ? [] : [`${what}: line ${number}: ${wrong}; NAME=VALUE is allowed`];
  });
  if (problems.length > 0) throw new SpecError(problems);
  return lines.map(({ text }) => splitPair(text));
}

/** At the first `=`. */
export function splitPair(text: string): Line {
  const equals = text.indexOf('=');
  return equals < 0
    ? { name: text, value: undefined }
    : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

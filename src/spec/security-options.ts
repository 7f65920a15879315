/** `--security-opt NAME=VALUE`: podman's way to name what has no flag of its own. */
import { SpecError } from './errors.ts';

/** What was asked for; a field is absent where nothing was. */
export interface SecurityOptions {
  /** Whether set-user-id programs give no privileges in the box. */
  readonly noNewPrivileges?: boolean;
}

/** How each word is read; a later one of the same name takes the place of an earlier one. */
const readers: Readonly<Record<string, (value: string, word: string) => SecurityOptions>> = {
  'no-new-privileges': (value, word) => {
    if (value === '' || value === 'true') return { noNewPrivileges: true };
    if (value === 'false') return { noNewPrivileges: false };
    throw new SpecError([`--security-opt ${word}: true and false are allowed`]);
  },
};

/** @throws SpecError */
export function parseSecurityOption(word: string): SecurityOptions {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (read === undefined)
    throw new SpecError([
      `--security-opt ${word}: unknown; ${Object.keys(readers).join(', ')} are known`,
    ]);
  return read(equals < 0 ? '' : word.slice(equals + 1), word);
}

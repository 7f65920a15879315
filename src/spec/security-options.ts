/** `--security-opt NAME=VALUE`: podman's way to name what has no flag of its own. */
import { SpecError } from './errors.ts';
import { ALL, parsePaths } from './masks.ts';
import { type Label, mergeLabels, parseLabel } from './selinux-label.ts';

/** What was asked for; a field is absent where nothing was. */
export interface SecurityOptions {
  /** Whether set-user-id programs give no privileges in the box. */
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly label?: Label | undefined;
  /** Paths to be covered. */
  readonly masked?: readonly string[];
  /** Paths, perhaps with wildcards, that are not; `ALL` for none at all. */
  readonly unmasked?: readonly string[];
  /** A file, or `unconfined` for every call to be allowed. */
  readonly seccomp?: string;
}

/** How each word is read. */
const readers: Readonly<Record<string, (value: string, word: string) => SecurityOptions>> = {
  'no-new-privileges': (value, word) => {
    if (value === '' || value === 'true') return { noNewPrivileges: true };
    if (value === 'false') return { noNewPrivileges: false };
    throw new SpecError([`--security-opt ${word}: true and false are allowed`]);
  },
  apparmor: (value, word) => {
    // A profile's name ends at white space, apparmor.d(5).
    if (/^[^\s\0]+$/.test(value)) return { apparmorProfile: value };
    throw new SpecError([
      `--security-opt ${word}: the name of a profile, or unconfined, is missing`,
    ]);
  },
  label: (value, word) => ({ label: parseLabel(value, word) }),
  mask: (value, word) => ({ masked: parsePaths(value, word) }),
  unmask: (value, word) => ({
    unmasked: value.toUpperCase() === ALL ? [ALL] : parsePaths(value, word),
  }),
  seccomp: (value, word) => {
    if (value !== '') return { seccomp: value };
    throw new SpecError([`--security-opt ${word}: a profile's file, or unconfined, is missing`]);
  },
};

/**
 * As podman reads it: docker's older form has a colon where no equals sign is.
 * @throws SpecError
 */
export function parseSecurityOption(word: string): SecurityOptions {
  const separator = word.indexOf(word.includes('=') ? '=' : ':');
  const name = separator < 0 ? word : word.slice(0, separator);
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (name === 'proc-opts')
    throw new SpecError([
      `--security-opt ${word}: /proc shows the processes of the box's own PID namespace, and no others: leave it out`,
    ]);
  if (read === undefined)
    throw new SpecError([
      `--security-opt ${word}: unknown; ${Object.keys(readers).join(', ')} are known`,
    ]);
  return read(separator < 0 ? '' : word.slice(separator + 1), word);
}

/** Several words together: of one that has one value the last is meant, of others all. */
export function mergeSecurityOptions(each: readonly SecurityOptions[]): SecurityOptions {
  return {
    ...Object.assign({}, ...each),
    label: mergeLabels(each.flatMap(({ label }) => label ?? [])),
    masked: each.flatMap(({ masked }) => masked ?? []),
    unmasked: each.flatMap(({ unmasked }) => unmasked ?? []),
  };
}

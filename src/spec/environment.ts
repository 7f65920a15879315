/** `--env NAME=VALUE`, or `--env NAME` for the caller's value. */
import { SpecError } from './errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** @returns undefined for a name alone that the caller has not set. @throws SpecError */
export function parseEnv(value: string, caller: Environment): [string, string] | undefined {
  const equals = value.indexOf('=');
  if (equals === 0 || value === '') {
    throw new SpecError([
      `--env ${value}: no name; NAME=VALUE, and NAME for your own value, are allowed`,
    ]);
  }
  if (equals > 0) return [value.slice(0, equals), value.slice(equals + 1)];
  const inherited = caller[value];
  return inherited === undefined ? undefined : [value, inherited];
}

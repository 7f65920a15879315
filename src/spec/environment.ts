/**
 * `--env NAME=VALUE`, `--env NAME` for the caller's value, `--env 'PREFIX*'` for all of the caller's
 * variables that begin so; and the same in the lines of `--env-file FILE`.
 */
import { DEFAULT_PATH } from './defaults.ts';
import { type ProblemList, SpecError } from './errors.ts';
import { type Line, parseLines, splitPair } from './line-file.ts';
import { noOutside } from './outside.ts';
import type { Caller, RunOptions } from './run-options.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** The workload's, as `NAME=VALUE`; a variable of `--env` wins over one of a file, a later one over an earlier. */
export function environment(
  { env, envFile, tty }: Pick<RunOptions, 'env' | 'envFile' | 'tty'>,
  home: string,
  hostname: string,
  { env: own, outside = noOutside }: Pick<Caller, 'env' | 'outside'>,
  problems: ProblemList,
): string[] {
  const all = new Map([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', hostname],
    ['HOME', home],
    // What the caller's terminal understands; xterm is what most are.
    ...(tty ? [['TERM', own.TERM ?? 'xterm'] as const] : []),
  ]);
  const add = (parse: () => [string, string][]): void => {
    for (const [name, value] of problems.attempt(parse, [])) all.set(name, value);
  };
  for (const file of envFile)
    add(() => {
      const what = `--env-file ${file}`;
      return parseLines(what, outside.readFile(what, file)).flatMap((line) => variables(line, own));
    });
  for (const word of env) add(() => parseEnv(word, own));
  return [...all].map(([name, value]) => `${name}=${value}`);
}

/** @returns nothing for a name alone that the caller has not set. @throws SpecError */
export function parseEnv(value: string, caller: Variables): [string, string][] {
  if (value === '' || value.startsWith('=')) {
    throw new SpecError([
      `--env ${value}: no name; NAME=VALUE, and NAME for your own value, are allowed`,
    ]);
  }
  return variables(splitPair(value), caller);
}

/** Without what bin/tsbox tells tsbox, and with what it keeps from Node: native/tsbox.c. */
function asCalled(variables: Variables): Variables {
  const { TSBOX_OPEN_FILES: _, TSBOX_EXTRA_CACERTS: certificates, ...others } = variables;
  return certificates === undefined ? others : { ...others, NODE_EXTRA_CA_CERTS: certificates };
}

function variables({ name, value }: Line, caller: Variables): [string, string][] {
  if (value !== undefined) return [[name, value]];
  const callers = asCalled(caller);
  if (name.endsWith('*')) {
    const start = name.slice(0, -1);
    return Object.entries(callers).flatMap(([each, its]) =>
      each.startsWith(start) && its !== undefined ? [[each, its] as [string, string]] : [],
    );
  }
  const inherited = callers[name];
  return inherited === undefined ? [] : [[name, inherited]];
}

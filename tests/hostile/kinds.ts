/** The kinds of box that every attack is made in. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../host/tsbox.ts';
import {
  AS_DEFAULT,
  flagsOf,
  type Options,
  type Outcome,
  runByProgram,
  runHere,
  scratchDirectory,
} from './box.ts';

export interface Kind {
  readonly name: string;
  readonly run: (rootfs: string, command: readonly string[], options: Options) => Promise<Outcome>;
}

const byProgram =
  (flags: readonly string[], by?: readonly string[]): Kind['run'] =>
  async (rootfs, command, options) =>
    runByProgram(rootfs, command, [...flags, ...flagsOf(options)], by);

export const VM = 'VM';

export const kinds: readonly Kind[] = [
  { name: 'container with --userns=host', run: runHere },
  {
    name: 'container',
    run: (rootfs, command, options) => runHere(rootfs, command, { ...options, userns: AS_DEFAULT }),
  },
  { name: 'container of an ordinary user', run: byProgram([], asUser()) },
  { name: VM, run: byProgram(['--vm']) },
];

/** A user and group of the host that owns nothing but its runtime directory. */
function asUser(): string[] {
  const USER_ID = 65533;
  const runtime = join(scratchDirectory(), 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  chownSync(runtime, USER_ID, USER_ID);
  const ids = [`--reuid=${USER_ID}`, `--regid=${USER_ID}`, '--clear-groups'];
  return ['setpriv', ...ids, 'env', `XDG_RUNTIME_DIR=${runtime}`, program];
}

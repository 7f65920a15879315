/** The kinds of box that every attack is made in. */
import { ordinaryUser } from '../host/ordinary-user.ts';
import { program } from '../host/tsbox.ts';
import { AS_DEFAULT, flagsOf, type Options, type Outcome, runByProgram, runHere } from './box.ts';

export interface Kind {
  readonly name: string;
  readonly run: (rootfs: string, command: readonly string[], options: Options) => Promise<Outcome>;
}

const byProgram =
  (flags: readonly string[], by?: readonly string[]): Kind['run'] =>
  async (rootfs, command, options) =>
    runByProgram(rootfs, command, [...flags, ...flagsOf(options)], by);

const byUser = (ids: Parameters<typeof ordinaryUser>[0]) => {
  const { inside, become } = ordinaryUser(ids);
  return byProgram([], [...inside, ...become, program]);
};

export const VM = 'VM';
export const ONE_ID = 'container of a user with one id';

export const kinds: readonly Kind[] = [
  { name: 'container with --userns=host', run: runHere },
  {
    name: 'container',
    run: (rootfs, command, options) => runHere(rootfs, command, { ...options, userns: AS_DEFAULT }),
  },
  { name: ONE_ID, run: byUser('one') },
  {
    name: 'container of a user with subordinate ids',
    run: byUser('subordinate'),
  },
  { name: VM, run: byProgram(['--vm']) },
];

/** The kinds of box that every attack is made in. */
import { flagsOf, type Options, type Outcome, runByProgram, runHere } from './box.ts';

export interface Kind {
  readonly name: string;
  readonly run: (rootfs: string, command: readonly string[], options: Options) => Promise<Outcome>;
}

/** A user and group of the host that owns nothing; undefined while boxes need root. */
const ORDINARY_USER: number | undefined = undefined;

const byProgram =
  (flags: readonly string[], by?: readonly string[]): Kind['run'] =>
  async (rootfs, command, options) =>
    runByProgram(rootfs, command, [...flags, ...flagsOf(options)], by);

export const VM = 'VM';
export const MAPPED = 'container with --userns=auto';

export const kinds: readonly Kind[] = [
  { name: 'container as root', run: runHere },
  {
    name: MAPPED,
    run: (rootfs, command, options) => runHere(rootfs, command, { ...options, userns: 'auto' }),
  },
  ...(ORDINARY_USER === undefined
    ? []
    : [
        {
          name: 'container of an ordinary user',
          run: byProgram(
            [],
            ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups'],
          ),
        },
      ]),
  { name: VM, run: byProgram(['--vm']) },
];

/** Which QEMUs there are: the distribution's, and those that were built in the data directory. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../linux/make-directory.ts';
import { BoxError } from '../../sandbox/errors.ts';
import { locate, programs } from '../../sandbox/tool.ts';
import { qemu } from '../tools.ts';

export interface Installed {
  readonly name: string;
  /** Of the program; absolute. */
  readonly path: string;
  /** What the machine runs first, where it brings its own: another one's is found by QEMU itself. */
  readonly firmware?: string;
}

/** The distribution's, as it comes; and, from the same package, one with less in it. */
const DISTRIBUTION = 'distribution';
const SMALL = 'microvm';

export const distributions: readonly string[] = [DISTRIBUTION, SMALL];

const builtName = /^[a-z0-9][a-z0-9._+~-]*$/;

/** @param data the data directory. @returns the distribution's first. */
export function installedQemus(data: string): Installed[] {
  const own = [
    { name: DISTRIBUTION, path: locate(qemu) },
    { name: SMALL, path: locate({ name: `${qemu.name}-microvm`, places: programs }) },
    ...builtNames(data).map((name) => builtQemu(data, name)),
  ];
  return own.filter((each): each is Installed => each.path !== undefined);
}

/** Where the built ones are. */
export function builtDirectory(data: string): string {
  return join(data, 'qemus');
}

function builtNames(data: string): string[] {
  try {
    return readdirSync(builtDirectory(data))
      .filter((name) => builtName.test(name) && !distributions.includes(name))
      .sort();
  } catch {
    return [];
  }
}

function builtQemu(data: string, name: string) {
  const [path, firmware] = [qemu.name, 'firmware'].map((file) =>
    join(builtDirectory(data), name, file),
  ) as [string, string];
  return {
    name,
    path: existsSync(path) ? path : undefined,
    ...(existsSync(firmware) ? { firmware } : {}),
  };
}

/** Where tsbox is to choose. */
export const AUTO = 'auto';

/** @returns the name of the one that is to be used; undefined: tsbox chooses. */
export function chosenQemu(data: string): string | undefined {
  try {
    const name = readFileSync(choiceFile(data), 'utf8').trim();
    return name === AUTO ? undefined : name;
  } catch {
    return undefined;
  }
}

/** @param name of one that is there, or {@link AUTO}. @throws BoxError */
export function chooseQemu(data: string, name: string): void {
  const names = installedQemus(data).map((each) => each.name);
  if (name !== AUTO && !names.includes(name))
    throw new BoxError(
      `there is no QEMU ${JSON.stringify(name)}; there are: ${[AUTO, ...names].join(', ')}`,
    );
  const file = choiceFile(data);
  try {
    makeDirectory(data);
    // Who may use what root has set up is for the data directory to say.
    if (!existsSync(builtDirectory(data))) mkdirSync(builtDirectory(data), { mode: 0o755 });
    const own = `${file}.${process.pid}`;
    writeFileSync(own, `${name}\n`);
    renameSync(own, file);
  } catch (error) {
    const { message } = error as Error;
    throw new BoxError(`which QEMU is used is kept in ${file}: ${message}`, { cause: error });
  }
}

/** Its name is none of a QEMU's, which have no capital letters. */
function choiceFile(data: string): string {
  return join(builtDirectory(data), 'CHOSEN');
}

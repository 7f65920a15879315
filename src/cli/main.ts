/** What every command of `tsbox` has in common, errors above all. */
import { fstatSync } from 'node:fs';
import { type Command, CommanderError, type OutputConfiguration } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { BoxError } from '../sandbox/errors.ts';
import { writeAll } from '../sandbox/write.ts';
import { SpecError } from '../spec/errors.ts';
import { exactWords } from './exact-words.ts';
import { LenientCommand } from './lenient-command.ts';
import { say, tell } from './print.ts';
import { SparingCommand } from './sparing-command.ts';

/** Each adds its command to the program; in the order of --help. */
export type Commands = Readonly<Record<string, (program: Command) => void>>;

/** For commander, whose own use of Node's streams would leave the caller's pipes non-blocking. */
const output: OutputConfiguration = {
  writeOut: (text) => void writeAll(1, text),
  writeErr: tell,
  getOutHelpWidth: () => (isTerminal(1) ? process.stdout.columns : 80),
  getErrHelpWidth: () => (isTerminal(2) ? process.stderr.columns : 80),
  getOutHasColors: () => isTerminal(1),
  getErrHasColors: () => isTerminal(2),
};

/** As far as it matters here: /dev/null is taken for one, too. */
function isTerminal(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice();
}

/**
 * Carries out the command line of this process, whose exit code it sets.
 * @returns whether that ended without an error of tsbox's.
 */
export async function main(commands: Commands): Promise<boolean> {
  const { error, debug } = await endOf(commands, process.argv.slice(2));
  if (error === undefined) return true;
  process.exitCode = report(error, debug);
  return false;
}

interface End {
  /** undefined where it went well. */
  readonly error: unknown;
  /** Whether all that is known about the error is asked for. */
  readonly debug: boolean;
}

async function endOf(commands: Commands, words: readonly string[]): Promise<End> {
  if (words[0] === 'run') {
    const silent = { ...output, writeOut: () => undefined, writeErr: () => undefined };
    const end = await parse(new SparingCommand(words).configureOutput(silent), commands, words);
    if (!(end.error instanceof CommanderError)) return end;
  }
  return parse(new LenientCommand().configureOutput(output), commands, words);
}

async function parse(program: Command, commands: Commands, words: readonly string[]): Promise<End> {
  program
    .name('tsbox')
    .description('run one workload as an isolated Linux process or in a micro-VM')
    .version(packageFile.version)
    .enablePositionalOptions()
    .showHelpAfterError('(tsbox COMMAND --help shows what is allowed)')
    .exitOverride();

  // The options of the other commands would take time and have no effect.
  const named = Object.entries(commands).filter(([name]) => name === words[0]);
  for (const [, register] of named.length > 0 ? named : Object.entries(commands)) register(program);

  let debug = false;
  program.hook('preAction', (_, command) => {
    debug = command.opts<{ readonly debug?: true }>().debug ?? false;
  });
  try {
    await program.parseAsync(untilUnknown(program, exactWords(words)), { from: 'user' });
    return { error: undefined, debug };
  } catch (error) {
    return { error, debug };
  }
}

/** Where it is about a command that there is not, that command alone: commander would show help instead. */
function untilUnknown(program: Command, words: readonly string[]): readonly string[] {
  const names = words.filter((word) => word !== 'help');
  let at = program;
  for (const [index, name] of names.entries()) {
    if (at.commands.length === 0 || name.startsWith('-')) return words;
    const found = at.commands.find((command) => command.name() === name);
    if (found === undefined) return names.slice(0, index + 1);
    at = found;
  }
  return words;
}

/** @returns the exit code; chroot(1)'s convention: 125 is tsbox's own failure. */
function report(error: unknown, debug: boolean): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 125;
  if (error instanceof SpecError) {
    for (const problem of error.problems) say(problem);
    return 125;
  }
  if (error instanceof BoxError) {
    say(error.message);
    if (debug && error.detail !== '') say(error.detail);
    if (debug && error.cause instanceof Error) say(error.cause.stack ?? error.cause.message);
    return error.exitCode;
  }
  if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_FAILED') {
    say(`a part of tsbox cannot be loaded: ${error.message}: run \`npm run build\``);
    return 125;
  }
  say(`unexpected failure: ${debug && error instanceof Error ? error.stack : error}`);
  say('this is a fault of tsbox: please report it with what --debug adds');
  return 125;
}

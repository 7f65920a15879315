/** The commands of `tsbox`, and what every one of them does with an error. */
import { Command, CommanderError } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { BoxError } from '../sandbox/errors.ts';
import { SpecError } from '../spec/errors.ts';
import { registerBench } from './bench.ts';
import { registerCompare } from './compare.ts';
import { registerDoctor } from './doctor.ts';
import { registerExplain } from './explain.ts';
import { say } from './print.ts';
import { registerRun } from './run.ts';

/** In the order of --help. */
const commands = {
  run: registerRun,
  compare: registerCompare,
  explain: registerExplain,
  bench: registerBench,
  doctor: registerDoctor,
};

const program = new Command('tsbox')
  .description('run one workload as an isolated Linux process or in a micro-VM')
  .version(packageFile.version)
  .enablePositionalOptions()
  .showHelpAfterError('(tsbox COMMAND --help shows what is allowed)')
  .exitOverride();

// The options of the other commands would take time and have no effect.
const [word = ''] = process.argv.slice(2);
const named = Object.entries(commands).filter(([name]) => name === word);
for (const [, register] of named.length > 0 ? named : Object.entries(commands)) register(program);

let debug = false;
program.hook('preAction', (_, command) => {
  debug = command.opts<{ readonly debug?: true }>().debug ?? false;
});

/** Settles when the command has ended: whether it did so without an error of tsbox's. */
export const done = program.parseAsync().then(
  () => true,
  (error: unknown) => {
    process.exitCode = report(error);
    return false;
  },
);

/** @returns the exit code; chroot(1)'s convention: 125 is tsbox's own failure. */
function report(error: unknown): number {
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
  say(`unexpected failure: ${debug && error instanceof Error ? error.stack : error}`);
  say('this is a fault of tsbox: please report it with what --debug adds');
  return 125;
}

/** `tsbox seccomp record`: runs a command and writes the profile that allows what the run needed. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BoxError } from '../sandbox/errors.ts';
import { hostArch } from '../sandbox/host.ts';
import { writeAll } from '../sandbox/write.ts';
import { recordedProfile } from '../seccomp/recorded.ts';
import { currentDirectory } from './current-directory.ts';
import { type Drivers, run } from './run.ts';
import { addRunOptions, toRunArguments } from './run-arguments.ts';

export function registerSeccomp(drivers: Drivers): (program: Command) => void {
  return (program) => {
    const record = program
      .command('seccomp')
      .description('make a seccomp profile')
      .enablePositionalOptions()
      .command('record')
      .description(
        'run a command in a container and write the smallest profile that the run needed',
      );
    addRunOptions(record)
      .option(
        '-o, --output <file>',
        "where to (default: standard output; the command's own goes to standard error then)",
      )
      .action(async () => recordCalls(record, drivers));
  };
}

async function recordCalls(command: Command, drivers: Drivers): Promise<void> {
  const words = toRunArguments(command);
  const { output } = command.opts<{ output?: string }>();
  if (words.seccompLog)
    command.error('error: --seccomp-log: a recording has the listener already; leave it out', {
      exitCode: 125,
    });
  const sandbox = await run(words, drivers, (request) => ({ ...request, watch: 'all' }), {
    stdin: 0,
    stdout: output === undefined ? 2 : 1,
    stderr: 2,
  });
  if (sandbox?.recorded === undefined) return;
  const text = `${JSON.stringify(recordedProfile(sandbox.recorded, hostArch()), null, 2)}\n`;
  if (output === undefined) writeAll(1, text);
  else write(resolve(currentDirectory(), output), text);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new BoxError(`the profile cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

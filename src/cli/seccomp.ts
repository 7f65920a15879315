/** `tsbox seccomp record`: runs a command and writes the profile that allows what the run needed. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostArch } from '../sandbox/host.ts';
import type { RecordedCall } from '../sandbox/sandbox.ts';
import { writeAll } from '../sandbox/write.ts';
import { profileOf } from '../seccomp/own-profile.ts';
import { allowedWhole, callsOfInit, type NamedCall, recordedProfile } from '../seccomp/recorded.ts';
import type { Seccomp } from '../spec/seccomp.ts';
import { currentDirectory } from './current-directory.ts';
import { say } from './print.ts';
import { replaceFile, targetOf } from './replace-file.ts';
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
    command.error('error: --seccomp-log: a recording shows denied calls anyway; leave it out', {
      exitCode: 125,
    });
  const target = output === undefined ? undefined : targetOf(resolve(currentDirectory(), output));
  let given: Seccomp | undefined;
  const sandbox = await run(
    words,
    drivers,
    (request) => {
      given = profileOf(request.spec, hostArch());
      return { ...request, watch: 'all' };
    },
    { stdout: target === undefined ? 2 : 1, stderr: 2 },
  );
  if (sandbox?.recorded === undefined) return;
  const text = toText(sandbox.recorded, given, words.options.init ? callsOfInit(hostArch()) : []);
  if (target === undefined) writeAll(1, text);
  else replaceFile(target, text);
}

/** Says what the profile cannot say. */
function toText(
  calls: readonly RecordedCall[],
  given: Seccomp | undefined,
  more: readonly NamedCall[],
): string {
  const heard = calls.filter((call): call is RecordedCall & NamedCall => call.name !== undefined);
  const named = [...heard, ...more];
  const unnamed = calls.filter(({ name, errno }) => name === undefined && errno === 0);
  if (unnamed.length > 0)
    say(
      `the profile leaves out ${unnamed.length} calls that libseccomp has no name for, such as number ${unnamed[0]?.number}`,
    );
  const whole = allowedWhole(named, given);
  if (whole.length > 0)
    say(
      `the profile allows calls whole of which the given one denies some arguments: ${whole.join(', ')}`,
    );
  return `${toJson(recordedProfile(named, given, hostArch()))}\n`;
}

/** Numbers of 64 bits as they are, which JSON.stringify does not write. */
function toJson(profile: Seccomp): string {
  const mark = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
  return JSON.stringify(profile, mark, 2).replace(/"(\d+)n"/g, '$1');
}

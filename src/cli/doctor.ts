/** `tsbox doctor`: what this host offers, and how to mend what it lacks. */
import type { Command } from 'commander';
import { writeAll } from '../sandbox/write.ts';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show what this host offers to boxes, and how to mend what it lacks')
    .option('--json', 'as JSON')
    .action(doctor);
}

async function doctor(flags: { readonly json?: true }): Promise<void> {
  const [{ examineHost }, { canRunContainers }, { checksAsJson, printChecks, wantsColour }] =
    await Promise.all([
      import('../doctor/doctor.ts'),
      import('../doctor/check.ts'),
      import('../doctor/print.ts'),
    ]);
  const checks = await examineHost();
  const colour = wantsColour(process.env, process.stdout.isTTY);
  writeAll(1, `${flags.json ? checksAsJson(checks) : printChecks(checks, colour)}\n`);
  process.exitCode = canRunContainers(checks) ? 0 : 1;
}

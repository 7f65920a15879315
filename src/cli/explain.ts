/** `tsbox explain`: what `run` would do with the same words, without doing it and without root. */
import type { Command } from 'commander';
import { hostArch } from '../sandbox/host.ts';
import { writeAll } from '../sandbox/write.ts';
import { addRunOptions, type RunArguments, toRunArguments } from './run-arguments.ts';

export function registerExplain(program: Command): void {
  const command = program
    .command('explain')
    .description('show every system call that would make the box, and why; needs no root');
  addRunOptions(command)
    .option('--seccomp', 'list the system calls that the box may make, and those it may not')
    .action(async () => {
      const words = toRunArguments(command);
      await (command.opts<{ seccomp?: true }>().seccomp ? listSeccomp(words) : explain(words));
    });
}

async function explain(words: RunArguments): Promise<void> {
  const { toRequest } = await import('./request.ts');
  const request = await toRequest(words);
  const text =
    words.driver === 'vm'
      ? await (await import('../vm/explain.ts')).explainVm(request)
      : await (await import('../container/explain.ts')).explainContainer(request);
  writeAll(1, text);
}

async function listSeccomp(words: RunArguments): Promise<void> {
  const { toRequest } = await import('./request.ts');
  const { listCalls } = await import('../seccomp/listing.ts');
  writeAll(1, listCalls((await toRequest(words)).spec, hostArch()));
}

/** `tsbox run`: one workload in a box, whose standard streams, signals and exit status are tsbox's own. */
import type { Command } from 'commander';
import { signalNumbers } from '../abi/signals.ts';
import type { Exit, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { Timeline, timelineOfProcess } from '../sandbox/timeline.ts';
import { say } from './print.ts';
import { addRunOptions, type RunArguments, toRunArguments } from './run-arguments.ts';

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description('run a command in a container, or with --vm in a micro-VM');
  addRunOptions(command).action(async () => run(toRunArguments(command)));
}

async function run(words: RunArguments): Promise<void> {
  const timeline = words.timing.kind === 'off' ? new Timeline() : timelineOfProcess();
  const { toRequest } = await import('./request.ts');
  const request = toRequest(words);
  timeline.mark('parse');
  const stdio: Stdio = { stdin: 0, stdout: 1, stderr: 2 };
  const sandbox =
    words.driver === 'vm'
      ? await (await import('../vm/vm.ts')).startVm(request, stdio, timeline, say)
      : await (await import('../container/container.ts')).startContainer(request, stdio, timeline);
  forwardSignals(sandbox);
  try {
    process.exitCode = exitCode(await sandbox.wait());
  } finally {
    if (words.timing.kind !== 'off') {
      const { showTiming } = await import('./timing.ts');
      showTiming(sandbox.timeline, words.timing);
    }
  }
}

/** All that a terminal or another program sends, and that can be caught. */
const forwarded = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGWINCH',
] as const;

function forwardSignals(sandbox: Sandbox): void {
  for (const name of forwarded) process.on(name, () => sandbox.signal(signalNumbers[name]));
}

/** Also tells what an exit status alone does not. */
function exitCode(exit: Exit): number {
  if (exit.kind === 'exited') return exit.code;
  if (exit.oomKilled) say('the box ran out of memory (--memory), so the kernel ended it');
  return 128 + exit.signal;
}

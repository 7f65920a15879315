/** `tsbox compare`: the same command on the host, as a container and in a micro-VM, side by side. */
import type { Command } from 'commander';
import type { Column } from '../bench/compare.ts';
import type { Row } from '../bench/side-by-side.ts';
import { writeAll } from '../sandbox/write.ts';
import { currentDirectory } from './current-directory.ts';
import { endOnSignals } from './end-on-signals.ts';
import { addRunOptions, toRunArguments } from './run-arguments.ts';

export function registerCompare(program: Command): void {
  const command = program
    .command('compare')
    .description('run the same command on the host, as a container and in a micro-VM');
  addRunOptions(command).action(async () => compareAction(command));
}

async function compareAction(command: Command): Promise<void> {
  const { image, options, driver, timing, seccompLog, problems } = toRunArguments(command);
  problems.throwIfAny();
  if (image.kind === 'config' || image.kind === 'snapshot') {
    const flag = image.kind === 'config' ? '--config' : '--from';
    command.error(`error: ${flag}: compare takes an image and a command; give those`, {
      exitCode: 125,
    });
  }
  if (driver === 'vm') {
    command.error('error: --vm: compare runs the command in a micro-VM anyway; leave it out', {
      exitCode: 125,
    });
  }
  if (seccompLog) {
    command.error('error: --seccomp-log: compare runs in a micro-VM, too, which has none', {
      exitCode: 125,
    });
  }
  if (timing.kind !== 'off') {
    command.error('error: --timing: compare shows the times anyway; leave it out', {
      exitCode: 125,
    });
  }
  const [bench, { sideBySide }, images, { tsboxProgram }] = await Promise.all([
    import('../bench/compare.ts'),
    import('../bench/side-by-side.ts'),
    import('../image/image.ts'),
    import('./program-path.ts'),
  ]);
  endOnSignals();
  const data = images.dataDirectory(process.env, process.getuid?.() ?? 0);
  const rootfs =
    image.kind === 'rootfs'
      ? images.findRootfs(image.directory, currentDirectory())
      : images.findImage(image.word, data, currentDirectory());
  const words = command.parent?.args.slice(1) ?? [];
  const commandAt = words.length - options.command.length;
  const columns = await bench.compare({ program: tsboxProgram(), words, commandAt, rootfs });
  const heads = columns.map(({ name }) => name);
  const rows = toRows(columns, bench.probeLabels);
  writeAll(1, `${sideBySide(heads, rows, process.stdout.columns ?? 100)}\n`);
  // 125 is tsbox's own failure; any other status is the workload's affair.
  if (columns.some(({ run }) => run.status === 125)) process.exitCode = 1;
}

function toRows(columns: readonly Column[], probeLabels: readonly string[]): Row[] {
  const row = (label: string, cell: (column: Column) => string): Row => ({
    label,
    cells: columns.map(cell),
  });
  const rows = [
    row('output', ({ run }) => run.stdout),
    row('errors', ({ run }) => run.stderr),
    row('exit status', ({ run }) => String(run.status)),
    row('start-up', ({ startup }) => (startup === undefined ? '–' : inMilliseconds(startup))),
    row('whole time', ({ run }) => inMilliseconds(run.end - run.start)),
    ...probeLabels.map((label, index) => row(label, ({ probe }) => probe[index] ?? '–')),
  ];
  return rows.filter(({ cells }) => cells.some((cell) => cell !== ''));
}

/** @param time nanoseconds. */
function inMilliseconds(time: bigint): string {
  return `${(Number(time) / 1e6).toFixed(1)} ms`;
}

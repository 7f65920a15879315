/** `tsbox bench`: what starting the same workload costs in each kind of isolation. */
import { openSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { BoxError } from '../sandbox/errors.ts';
import { writeAll } from '../sandbox/write.ts';
import { currentDirectory } from './current-directory.ts';
import { endOnSignals } from './end-on-signals.ts';

interface Flags {
  readonly runs: number;
  readonly warmup: number;
  readonly seed?: number;
  readonly json?: string;
  readonly subjects: readonly string[];
}

export function registerBench(program: Command): void {
  program
    .command('bench')
    .description(
      'time `true` as a process, in a container, in a micro-VM and in other container tools',
    )
    .argument('[image]', 'name or directory of the image', 'busybox')
    .option('-r, --runs <number>', 'rounds that count', wholeNumber(1, 1e6), 20)
    .option('-w, --warmup <number>', 'rounds before those', wholeNumber(0, 1e6), 2)
    .option(
      '--seed <number>',
      'determines the order (default: another one each time)',
      wholeNumber(0, 2 ** 32 - 1),
    )
    .option('--subjects <names>', 'comma-separated; all by default', names, [])
    .option('--json <file>', 'write everything that was measured to a file, as JSON')
    .action(async (image: string, flags: Flags, command: Command) => {
      await bench(image, flags, command.parent?.version() ?? '');
    });
}

async function bench(word: string, flags: Flags, programVersion: string): Promise<void> {
  const [{ runBench }, { printReport }, images, { tsboxProgram }] = await Promise.all([
    import('../bench/bench.ts'),
    import('../bench/report.ts'),
    import('../image/image.ts'),
    import('./program-path.ts'),
  ]);
  const data = images.dataDirectory(process.env, process.getuid?.() ?? 0);
  const rootfs = images.findImage(word, data, currentDirectory());
  const { runs, warmup, subjects } = flags;
  // Before the measuring, which may take long.
  const json = flags.json === undefined ? undefined : openForWriting(flags.json);
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 32);
  endOnSignals();
  const request = { image: word, runs, warmup, seed, subjects, programVersion };
  const report = await runBench(
    { ...request, facts: images.imageFacts(rootfs), program: tsboxProgram() },
    progressLine(warmup, warmup + runs),
  );
  clearLine();
  writeAll(1, `${printReport(report)}\n`);
  // Who was asked for by name and could not be measured is missed.
  if (subjects.length > 0 && report.absent.length > 0) process.exitCode = 1;
  if (json !== undefined) writeAll(json, `${JSON.stringify(report, undefined, 2)}\n`);
}

function openForWriting(file: string): number {
  try {
    return openSync(file, 'w');
  } catch (error) {
    throw new BoxError(`--json ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** One line that is written over and over on a terminal, one line for each round elsewhere. */
function progressLine(warmup: number, rounds: number): (round: number, name: string) => void {
  let last = -1;
  return (round, name) => {
    const kind = round < warmup ? 'warm-up ' : '';
    const text = `${kind}round ${round + 1} of ${rounds}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}: ${name}`);
    else if (round !== last) process.stderr.write(`${text}\n`);
    last = round;
  };
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Whole numbers from ${min} to ${max} are allowed.`);
  };
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

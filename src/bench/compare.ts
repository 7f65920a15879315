/** One command on the host, as a container and in a micro-VM: what each says, sees and takes. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProcessRun, runProcess } from './spawn.ts';

export interface Column {
  readonly name: string;
  readonly run: ProcessRun;
  /** From the start to the workload's first instruction, nanoseconds; undefined where unknown. */
  readonly startup: bigint | undefined;
  /** What the probe sees there; empty when it could not run. */
  readonly probe: readonly string[];
}

export interface CompareRequest {
  /** bin/tsbox */
  readonly program: string;
  /** The words behind `compare` as they were given: options, IMAGE, command. */
  readonly words: readonly string[];
  /** How many of them come before the command. */
  readonly commandAt: number;
  readonly rootfs: string;
}

/** What the probe prints, a line each. */
export const probeLabels = ['kernel', 'host name', 'process id', 'processes seen', 'mounts seen'];
const probe = [
  'sh',
  '-c',
  'uname -r; hostname; echo $$; ls -d /proc/[0-9]* | wc -l; wc -l < /proc/self/mounts',
];

/** Enough for any command that someone waits for in front of a screen. */
const TIMEOUT_SECONDS = 600;

export async function compare(request: CompareRequest): Promise<Column[]> {
  const command = request.words.slice(request.commandAt);
  return [
    await onHost(command, request.rootfs),
    await inBox('container', [], request),
    await inBox('micro-VM', ['--vm'], request),
  ];
}

async function onHost(command: readonly string[], rootfs: string): Promise<Column> {
  const run = await runProcess(hostCommand(command, rootfs), 'keep', TIMEOUT_SECONDS);
  return {
    name: 'host',
    run,
    startup: undefined,
    probe: await runProbe(hostCommand(probe, rootfs)),
  };
}

/** The host's own program; one that it lacks may be in the image's busybox. */
export function hostCommand(command: readonly string[], rootfs: string): string[] {
  const name = command[0] ?? '';
  const path = (process.env.PATH ?? '').split(':');
  const there = name.includes('/') || path.some((place) => existsSync(join(place, name)));
  return there ? [...command] : [join(rootfs, 'bin/busybox'), ...command];
}

async function inBox(
  name: string,
  flags: readonly string[],
  { program, words, commandAt }: CompareRequest,
): Promise<Column> {
  const directory = mkdtempSync(join(tmpdir(), 'tsbox-compare-'));
  const tidy = () => rmSync(directory, { recursive: true, force: true });
  // Ends by a signal do not come by `finally`.
  process.once('exit', tidy);
  const timing = join(directory, 'timing.json');
  const own = ['--timing=json', '--timing-file', timing];
  try {
    const run = await runProcess(
      [program, 'run', ...flags, ...own, ...words],
      'keep',
      TIMEOUT_SECONDS,
    );
    const before = words.slice(0, commandAt);
    return {
      name,
      run,
      startup: startup(timing, run.start),
      probe: await runProbe([program, 'run', ...flags, ...before, ...probe]),
    };
  } finally {
    process.off('exit', tidy);
    tidy();
  }
}

async function runProbe(argv: readonly string[]): Promise<string[]> {
  const run = await runProcess(argv, 'keep', TIMEOUT_SECONDS);
  return run.status === 0 ? run.stdout.trim().split('\n') : [];
}

/** @param start CLOCK_MONOTONIC in nanoseconds, as in the file. */
function startup(file: string, start: bigint): bigint | undefined {
  try {
    const timing: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return workloadStart(timing, start);
  } catch {
    return undefined;
  }
}

/** How long after `start` the phase called `workload` began, in what `--timing=json` wrote. */
export function workloadStart(timing: unknown, start: bigint): bigint | undefined {
  const { phases } = timing as { phases?: { name?: unknown; start?: unknown }[] };
  const workload = phases?.find(({ name }) => name === 'workload');
  if (workload?.start === undefined) return undefined;
  return BigInt(String(workload.start)) - start;
}

/** Runs the probe (probe.c) in tsbox and in its peers, and reads what it found. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { compile, copyOfBusybox, scratchDirectory } from './box.ts';

/** What was found, by the names of facts. */
export type Facts = ReadonlyMap<string, string>;

for (const peer of ['runc', 'crun', 'bwrap'])
  if (spawnSync('sh', ['-c', `command -v ${peer}`]).status !== 0)
    throw new Error(`${peer}, to compare with, is missing: sh scripts/setup test brings it`);

const top = scratchDirectory();

/** An image with the probe as /bin/probe. */
export const rootfs = join(top, 'image');
copyOfBusybox(rootfs);
writeFileSync(join(top, 'calls.h'), tableOfCalls());
compile('probe', join(rootfs, 'bin'), top);

/** The C compiler's list of system calls. */
function tableOfCalls(): string {
  const words = ['-dM', '-E', '-x', 'c', '-'];
  const defines = execFileSync('gcc', words, {
    input: '#include <asm/unistd.h>',
    encoding: 'utf8',
  });
  const calls = [...defines.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(
    ([, name, number]) => `{"${name}", ${number}},`,
  );
  return `${calls.sort().join('\n')}\n`;
}

const namespaceOf = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);

/** Lines of the probe; a namespace is the host's or another. */
export function factsIn(output: string): Facts {
  const pairs = output.split('\n').flatMap((line): [string, string][] => {
    const equals = line.indexOf('=');
    if (equals < 0) return [];
    const [name, value] = [line.slice(0, equals), line.slice(equals + 1)];
    const kind = /^namespace (\w+)$/.exec(name)?.[1];
    if (kind === undefined) return [[name, value]];
    return [[name, value === namespaceOf(kind) ? "the host's" : 'its own']];
  });
  return new Map(pairs);
}

/** The probe's facts, none when it did not run, and how it ended. Nothing of this environment goes in. */
export async function factsOf(command: readonly string[]): Promise<Facts> {
  const [program = '', ...words] = command;
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const options = { timeout: 60_000, cwd: '/', env, reject: false };
  const { stdout, exitCode } = await execa(program, words, options);
  return new Map([...factsIn(stdout), ['exit status', String(exitCode)]]);
}

/**
 * On a host with both versions of cgroups crun and runc start nothing, or take the wrong one. The rest
 * of the command line sees only version 1, in a mount namespace of its own that nothing leaves.
 */
const withoutUnified = [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"',
  'sh',
];

/** Without it crun makes /run/crun, whatever it is asked for. */
const stateOf = (runtime: string): string[] => ['--root', join(top, `${runtime}-state`)];

let number = 0;

/** A directory with a config.json. */
export function bundleOf(config: unknown): string {
  const directory = join(top, `bundle-${number++}`);
  mkdirSync(directory);
  const text = JSON.stringify(config, (_, value) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  writeFileSync(join(directory, 'config.json'), text);
  return directory;
}

/** The command that runs a configuration. */
export function bundle(runtime: 'runc' | 'crun', config: unknown): string[] {
  const directory = bundleOf(config);
  const flags = runtime === 'crun' ? ['--cgroup-manager=disabled'] : [];
  const id = `tsbox-test-${process.pid}-${number}`;
  return [...withoutUnified, runtime, ...stateOf(runtime), ...flags, 'run', '-b', directory, id];
}

/** As far as it is changed here; the rest is handed through. */
export interface Config {
  readonly process: object;
  readonly root: object;
}

/** What the runtime itself writes for whoever has no config yet. */
export function ownConfig(runtime: 'runc' | 'crun'): Config {
  const directory = join(top, `spec-${runtime}`);
  mkdirSync(directory, { recursive: true });
  execFileSync(runtime, [...stateOf(runtime), 'spec'], { cwd: directory });
  return JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
}

/**
 * Other container tools on the same root file system and the same `true`. They mount the root file
 * system read-only instead of a layer over it, which is less work than tsbox does.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { plainRoot } from '../spec/caller-ids.ts';
import { specFromOptions } from '../spec/from-options.ts';
import { type ImageFacts, noOptions } from '../spec/run-options.ts';
import type { Candidate } from './subject.ts';

/** @param directory an empty one, for what the peers need on disk; the caller removes it. */
export async function findPeers(image: ImageFacts, directory: string): Promise<Candidate[]> {
  return Promise.all([
    ociRuntime('runc', [], image, directory),
    ociRuntime('crun', ['--cgroup-manager=disabled'], image, directory),
    bubblewrap(image),
  ]);
}

/** @param flags make it start where neither systemd nor a writable cgroup v2 is at hand. */
async function ociRuntime(
  name: 'runc' | 'crun',
  flags: readonly string[],
  image: ImageFacts,
  directory: string,
): Promise<Candidate> {
  const version = await versionOf(name);
  if (version === undefined) return { name, why: notInstalled(name) };
  const bundle = writeBundle(image, join(directory, name));
  const command = ['--root', join(directory, `${name}-state`), ...flags, 'run', '-b', bundle];
  const hybrid = await refusesHybrid(name, command);
  return {
    name,
    what: `${name} run, a bundle of the same specification`,
    version,
    note: hybrid ? 'started through unshare and sh, as it refuses hybrid cgroups' : '',
    argv: (run) => [
      ...(hybrid ? withoutUnified : []),
      name,
      ...command,
      `tsbox-bench-${process.pid}-${run}`,
    ],
  };
}

async function bubblewrap(image: ImageFacts): Promise<Candidate> {
  const [name, program] = ['bubblewrap', 'bwrap'];
  const version = await versionOf(program);
  if (version === undefined) return { name, why: notInstalled(name) };
  const isolate = ['--unshare-all', '--die-with-parent', '--hostname', 'tsbox'];
  const mounts = ['--ro-bind', image.rootfs, '/', '--proc', '/proc', '--dev', '/dev'];
  const argv = [program, ...isolate, ...mounts, 'true'];
  return { name, what: 'bwrap --unshare-all', version, note: 'no cgroup', argv: () => argv };
}

/** What docker and podman would write, with tsbox's own defaults. @returns its directory. */
function writeBundle(image: ImageFacts, directory: string): string {
  const { spec } = specFromOptions({ ...noOptions, readOnly: true, command: ['true'] }, image, {
    env: {},
    cwd: '/',
    findDevices: () => [],
    ids: plainRoot,
  });
  mkdirSync(directory);
  // The oldest version with all these fields: peers refuse any that is newer than themselves.
  // Peers know nothing of tsbox's own profile of system calls, and run without one.
  const linux = { ...spec.linux, seccomp: undefined };
  const config = { ...spec, linux, ociVersion: '1.0.2' };
  // The limits that a box has by default are small numbers.
  const text = JSON.stringify(config, (_, value) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  writeFileSync(join(directory, 'config.json'), text);
  return directory;
}

/** Runs the rest of a command line where crun takes the host for one with cgroup v1 alone. */
const withoutUnified = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'umount /sys/fs/cgroup/unified && exec "$@"',
  'sh',
];

/** crun starts nothing on a host that has controllers in both versions of cgroups. */
async function refusesHybrid(name: string, command: readonly string[]): Promise<boolean> {
  const { stderr } = await execa(name, [...command, 'tsbox-bench-probe'], { reject: false });
  return stderr.includes('hybrid mode not supported');
}

async function versionOf(program: string): Promise<string | undefined> {
  const result = await execa(program, ['--version'], { reject: false });
  return result.failed ? undefined : result.stdout.split('\n')[0];
}

function notInstalled(name: string): string {
  return `not installed: apt-get install --no-install-recommends ${name}`;
}

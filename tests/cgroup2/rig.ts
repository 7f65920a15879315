/** Runs tsbox on a throw-away host with pure cgroup v2 (tests/rig/cgroup2-host), as a user does. */
import { join } from 'node:path';
import { execa } from 'execa';
import { vi } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import type { Ran } from './each-line.ts';

/** Starting the rig takes a few seconds, and so does every tsbox on it when this host is busy. */
const PATIENCE = 300_000;

/**
 * @param words options of the rig's, and what the lines are to run in (tests/rig/user-systemd).
 * @param lines of sh(1) by name, run in their order on one start of the rig: `tsbox` is in PATH,
 *   and TSBOX_DATA has an image called busybox. The first test that asks for a line waits for all.
 */
export function onRig<Name extends string>(
  lines: Readonly<Record<Name, string>>,
  ...words: readonly string[]
): (name: Name) => Promise<Ran> {
  vi.setConfig({ testTimeout: PATIENCE + 10_000 });
  let all: Promise<Readonly<Record<Name, Ran>>> | undefined;
  return async (name) => {
    all ??= runAll(withLessAsked(lines), words);
    return (await all)[name];
  };
}

export function namesOf<Name extends string>(lines: Readonly<Record<Name, string>>): Name[] {
  return Object.keys(lines) as Name[];
}

/** The rig's file systems cannot map owners, and a network is not what the lines are about. */
function withLessAsked<Name extends string>(
  lines: Readonly<Record<Name, string>>,
): Readonly<Record<Name, string>> {
  const changed = Object.entries<string>(lines).map(([name, line]) => [
    name,
    line
      .replaceAll(/tsbox run (?!--network|--config)/g, 'tsbox run --network=none ')
      .replaceAll(/tsbox run (?!.*--userns|--config)/g, 'tsbox run --userns=host '),
  ]);
  return Object.fromEntries(changed);
}

/** @throws Error with the end of the rig's console when it does not start. */
async function runAll<Name extends string>(
  lines: Readonly<Record<Name, string>>,
  words: readonly string[],
): Promise<Readonly<Record<Name, Ran>>> {
  const rig = join(import.meta.dirname, '../rig/cgroup2-host');
  const image = join(dataDirectory(process.env, process.getuid?.() ?? 0), 'images/busybox');
  const node = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
  const runner = join(import.meta.dirname, 'each-line.ts');
  const { exitCode, stdout, stderr, timedOut } = await execa(
    rig,
    [...words, process.execPath, ...node, runner, image, JSON.stringify(lines)],
    { reject: false, timeout: PATIENCE },
  );
  if (exitCode === 0) return JSON.parse(stdout);
  const how = timedOut ? `did not end within ${PATIENCE} ms` : `ended with status ${exitCode}`;
  throw new Error(`tests/rig/cgroup2-host ${how}:\n${stderr}`);
}

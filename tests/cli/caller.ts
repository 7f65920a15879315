/** Runs bin/tsbox as somebody else, from elsewhere or with another environment. */
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, vi } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { type Result, traces } from '../host/tsbox.ts';

export const program = new URL('../../bin/tsbox', import.meta.url).pathname;

export interface Caller {
  readonly program?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** The whole of it. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A descriptor, instead of the `stdout` of the result. */
  readonly stdout?: number;
}

const runtime = mkdtempSync(join(tmpdir(), 'runtime-'));
chownSync(runtime, 65534, 65534);
afterAll(() => rmSync(runtime, { recursive: true }));

/** Has no privileges, and the same images as root. The checkout must be readable by everybody. */
export const nobody: Caller = {
  uid: 65534,
  gid: 65534,
  env: {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    TSBOX_DATA: dataDirectory({}, 0),
    XDG_RUNTIME_DIR: runtime,
  },
};

export function tsboxFor(caller: Caller, args: readonly string[]): Result {
  const { program: file = program, stdout: out, ...options } = caller;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    ...options,
    stdio: ['ignore', out ?? 'pipe', 'pipe'],
    timeout: 50_000,
  });
  if (error !== undefined) throw error;
  return { status, stdout: stdout?.toString() ?? '', stderr: stderr.toString() };
}

/** An empty one, for as long as the test runs. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Boxes that end by themselves, of others or of a caller that was killed, are waited for. */
export async function expectNothingLeft(before: ReturnType<typeof traces>): Promise<void> {
  const left = () => {
    const now = traces();
    const kinds = (['state', 'cgroups', 'processes'] as const).flatMap((kind) =>
      now[kind].filter((name) => !before[kind].includes(name)),
    );
    return now.mounts > before.mounts ? [...kinds, 'a mount'] : kinds;
  };
  await vi.waitFor(() => expect(left()).toEqual([]), { timeout: 10_000, interval: 100 });
}

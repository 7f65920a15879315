/**
 * Attack class "guest to template": QEMU has the memory that a machine goes on with open for reading
 * alone, so that a guest that has taken it over cannot write into what other machines start from.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { distributions, installedQemus } from '../../src/vm/qemu/installed.ts';
import { descendantsOf } from '../host/processes.ts';
import { eachLeavesNothing, program, tsbox } from '../host/tsbox.ts';

const roots = dataDirectory(process.env, 0);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

// The small one of the distribution has no TCG, and the host of the tests may have no KVM.
const qemus = installedQemus(roots).filter(({ name }) => name !== 'microvm');

test.each(qemus)('$name', async ({ name }) => {
  const env = { ...process.env, TSBOX_DATA: dataWith(name) };
  const run = ['run', '--vm', '--network=none', '-i', 'busybox', '--'];
  tsbox(['qemu', 'use', name], '', env);
  // The first finds out whether a guest boots here, the next makes a template.
  for (const _ of [1, 2]) expect(tsbox([...run, 'true'], '', env).status).toBe(0);
  const before = memories(env.TSBOX_DATA);
  expect(before).not.toEqual([]);

  const child = spawn(program, [...run, 'sh', '-c', 'echo ready; read -r line'], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  const qemu = descendantsOf(child.pid ?? 0).find(isQemu) ?? 0;
  const template = before.find(({ ino }) => mapped(qemu, ino).length > 0);
  expect(mapped(qemu, template?.ino ?? 0)).toEqual(['rw-p']);
  expect(openAs(qemu, template?.ino ?? 0)).toEqual(['O_RDONLY']);
  expect(before.flatMap(({ ino }) => openAs(qemu, ino))).toEqual(['O_RDONLY']);
  child.stdin.end('\n');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(memories(env.TSBOX_DATA)).toEqual(before);
});

function dataWith(name: string): string {
  const data = join(scratch, name);
  mkdirSync(join(data, 'qemus'), { recursive: true });
  const built = distributions.includes(name) ? [] : [`qemus/${name}`];
  for (const part of ['images', 'kernels', ...built])
    symlinkSync(join(roots, part), join(data, part));
  return data;
}

/** The memory of each template, and what is in it. */
function memories(data: string): { readonly ino: number; readonly hash: string }[] {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('/memory'))
    .sort()
    .map((file) => join(data, file))
    .map((file) => ({
      ino: statSync(file).ino,
      hash: createHash('sha256').update(readFileSync(file)).digest('hex'),
    }));
}

/** proc_pid_maps(5). @returns the modes in which it has mapped the file. */
function mapped(pid: number, ino: number): string[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  const modes = lines
    .map((line) => line.split(/ +/))
    .flatMap(([, mode = '', , , inode]) => (Number(inode) === ino ? [mode] : []));
  return [...new Set(modes)];
}

/** proc_pid_fdinfo(5): octal. @returns how it has the file open. */
function openAs(pid: number, ino: number): (string | undefined)[] {
  const open = readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    const link = `/proc/${pid}/fd/${fd}`;
    return readlinkSync(link).startsWith('/') && statSync(link).ino === ino;
  });
  return open.map((fd) => {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    const flags = Number.parseInt(/^flags:\t(\d+)/m.exec(info)?.[1] ?? '', 8);
    return ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][flags & 3];
  });
}

function isQemu(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'qemu-system-x86\n';
}

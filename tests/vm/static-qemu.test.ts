/** Micro-VMs on a QEMU that `tsbox qemu build` has made: they are as on the distribution's, in a smaller jail. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { installedQemus } from '../../src/vm/qemu/installed.ts';
import { descendantsOf } from '../host/processes.ts';
import { eachLeavesNothing, program, tsbox } from '../host/tsbox.ts';

const built = installedQemus(dataDirectory(process.env, 0)).find(({ name }) =>
  name.startsWith('static-'),
);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

describe.runIf(built !== undefined)('a static QEMU', () => {
  const name = built?.name ?? '';
  const data = join(scratch, 'data');
  mkdirSync(data);
  mkdirSync(join(data, 'qemus'));
  for (const part of ['images', 'kernels', `qemus/${name}`])
    symlinkSync(join(dataDirectory(process.env, 0), part), join(data, part));
  const env = { ...process.env, TSBOX_DATA: data };
  const call = (...words: string[]) => tsbox(words, '', env);
  expect(call('qemu', 'use', name)).toEqual({ status: 0, stdout: `${name}\n`, stderr: '' });

  test('runs a workload, whose output and exit status are tsbox’s', () => {
    const result = call(
      'run',
      '--vm',
      'busybox',
      '--',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    );
    expect(result).toMatchObject({ status: 7, stdout: 'out\n' });
    expect(result.stderr).toMatch(/err\n$/);
  });

  test('has its volumes, by virtiofsd', () => {
    const volume = join(scratch, 'volume');
    mkdirSync(volume);
    const script = 'echo kept >/v/file && cat /v/file';
    const result = call('run', '--vm', '-v', `${volume}:/v`, 'busybox', '--', 'sh', '-c', script);
    expect(result).toMatchObject({ status: 0, stdout: 'kept\n' });
    expect(readFileSync(join(volume, 'file'), 'utf8')).toBe('kept\n');
  });

  test('is on a network', () => {
    const script = "ping -c 1 -W 5 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')";
    const result = call('run', '--vm', '--network=bridge', 'busybox', '--', 'sh', '-c', script);
    expect(result).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('1 packets received'),
    });
  });

  test('has its own files alone in its jail: itself, its firmware and what the guest starts from', async () => {
    const words = ['run', '--vm', '-i', 'busybox', '--', 'sh', '-c', 'echo ready; read -r line'];
    const child = spawn(program, words, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    const [qemu, ...more] = descendantsOf(child.pid ?? 0).filter(isQemu);
    expect([qemu, more]).toEqual([expect.any(Number), []]);
    const files = readdirSync(`/proc/${qemu}/root`);
    const may = ['dev', 'kernel', 'initrd', 'memory'];
    expect(files.filter((file) => !may.includes(file))).toEqual(['firmware', 'qemu-system-x86_64']);
    expect(readFileSync(`/proc/${qemu}/status`, 'utf8')).toMatch(/^Seccomp:\t2$/m);
    child.stdin.end('\n');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  test('--timing and bench name it', () => {
    const named = new RegExp(
      `QEMU \\d+\\.\\d+\\.\\d+ \\(${name.replaceAll(/[.+]/g, '\\$&')}, /.*\\) under (TCG|KVM)`,
    );
    expect(call('run', '--vm', '--timing', 'busybox', '--', 'true').stderr).toMatch(named);
    const words = ['--runs', '1', '--warmup', '0', '--subjects', 'tsbox VM'];
    expect(call('bench', ...words, '--json', join(scratch, 'bench.json')).stdout).toMatch(named);
    const { results } = JSON.parse(readFileSync(join(scratch, 'bench.json'), 'utf8'));
    const vm = results.find((each: { name: string }) => each.name === 'tsbox VM');
    expect(vm.note).toMatch(named);
  });
});

function isQemu(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'qemu-system-x86\n';
}

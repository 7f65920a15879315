/** How long a kernel takes until its init answers, by booting it. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Early } from '../sandbox/sandbox.ts';
import { Timeline } from '../sandbox/timeline.ts';
import { plainRoot } from '../spec/caller-ids.ts';
import { specFromOptions } from '../spec/from-options.ts';
import { noOptions } from '../spec/run-options.ts';
import { chooseAccelerator } from './accelerator.ts';
import { boot } from './boot.ts';
import type { MeasuredBoot } from './kernels.ts';
import { prepare } from './prepare.ts';

const ROUNDS = 5;

/**
 * Of machines without a network, of the usual size.
 * @throws BoxError where the kernel does not come up.
 */
export async function measureBoot(
  kernel: string,
  say: (message: string) => void,
  early: Early,
): Promise<MeasuredBoot> {
  const image = mkdtempSync(join(tmpdir(), 'tsbox-kernel-'));
  const nothing = openSync('/dev/null', 'r+');
  try {
    const times: number[] = [];
    let last: Awaited<ReturnType<typeof bootOnce>> | undefined;
    while (times.length < ROUNDS) {
      last = await bootOnce(kernel, image, nothing, say, early);
      times.push(last.milliseconds);
    }
    const milliseconds = times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
    const { accelerator = 'tcg', version = '' } = last?.vmm ?? {};
    return { milliseconds, rounds: ROUNDS, accelerator, vmm: `QEMU ${version}` };
  } finally {
    closeSync(nothing);
    rmSync(image, { recursive: true });
  }
}

async function bootOnce(
  kernel: string,
  image: string,
  nothing: number,
  say: (message: string) => void,
  early: Early,
) {
  const options = { ...noOptions, command: ['true'], network: 'none' };
  const facts = { rootfs: image, passwd: '', group: '' };
  const caller = { env: {}, cwd: '/', findDevices: () => [], ids: plainRoot };
  const request = { ...specFromOptions(options, facts, caller), machine: { kernel } };
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  const prepared = await prepare(request, { stdio, timeline: new Timeline(), say, early });
  try {
    const { base, boots, disk, guest, listener } = prepared.beginning;
    const start = process.hrtime.bigint();
    const { machine } = await boot(
      { ...base, from: { kind: 'kernel', ...boots }, disk: disk?.file, shares: guest.shares },
      chooseAccelerator().accelerator,
      listener,
    );
    const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
    await machine.end();
    return { milliseconds, vmm: machine.vmm };
  } finally {
    await prepared.end('never ran');
  }
}

/** A crowd of boxes on one bridge, and much that goes through published ports, on a host that the test made itself. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { OwnHost } from './own-host.ts';
import { compile } from './programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'network-many-'));
const neighbours = compile('neighbours', '-static');
const inBox = ['-v', `${neighbours}:/bin/neighbours:ro`];
let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  host.tsbox('network', 'create', '--ipv6', 'many');
  // The first run makes directories that stay.
  host.box('true');
  before = host.traces();
});
afterAll(() => {
  host.end();
  rmSync(scratch, { recursive: true });
});
afterEach(() => host.tidy());

const COUNT = 50;
/**
 * The kernel has room for 1,024 neighbours in all network namespaces together (arp(7), gc_thresh3), and those
 * meetings take 4,900 of each version: it forgets the ones before, five seconds later.
 */
const PATIENCE = 200_000;

test(
  'fifty boxes started at once reach each other by name, and nothing is left of them when all of tsbox is killed',
  async () => {
    const name = (number: number) => `box${number % COUNT}`;
    const boxes = await Promise.all(
      Array.from({ length: COUNT }, (_, number) => {
        const flags = ['--network=many', `--hostname=${name(number)}`, '-p', `${8000 + number}:80`];
        const others = Array.from({ length: COUNT - 1 }, (_, place) => name(number + place + 1));
        const command = ['busybox', '--', 'neighbours', 'meet', ...others];
        return host.start(...flags, ...inBox, ...command);
      }),
    );
    for (const { said } of boxes)
      await expect.poll(said, { timeout: PATIENCE }).toBe('ready\nall\n');
    expect(host.shell('nft list ruleset')).toContain('tcp . 8049 : ');
    await Promise.all(boxes.map((box) => box.kill()));
    expect(host.box('true', '--network=none').status).toBe(0);
    expect(host.traces()).toBe(before);
  },
  PATIENCE + 60_000,
);

const SIZE = 100 * 2 ** 20;

test('a hundred megabytes come through a published port unharmed, by TCP and UDP', async () => {
  const file = join(scratch, 'file');
  execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${SIZE / 2 ** 20}`], {
    stdio: 'ignore',
  });
  const sum = host.shell(`sha256sum <${file}`);
  const script = `echo ready; nc -l -p 80 | sha256sum; neighbours take 81 2>/dev/null | sha256sum; cat`;
  const flags = ['--network=many', '-p', '8080:80', '-p', '8081:81/udp', ...inBox];
  const box = await host.start(...flags, 'busybox', '--', 'sh', '-c', script);
  host.outside(`until busybox nc -w 20 192.0.2.2 8080 <${file}; do sleep 0.05; done`);
  await expect.poll(box.said, { timeout: 60_000 }).toBe(`ready\n${sum}`);
  host.outside(`${neighbours} give 192.0.2.2 8081 <${file}`);
  await expect.poll(box.said, { timeout: 60_000 }).toBe(`ready\n${sum}${sum}`);
  await box.end();
  expect(host.traces()).toBe(before);
}, 120_000);

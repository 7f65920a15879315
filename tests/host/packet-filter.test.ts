/** The kernel has the tables that tsbox sends it as nft(8) would have made them of the words that `explain` shows. */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { OwnHost } from './own-host.ts';

let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  // The first run makes directories that stay.
  host.box('true');
  before = host.traces();
});
afterAll(() => host.end());
afterEach(async () => {
  await host.tidy();
  host.tsbox('network', 'rm', 'net');
});

/** What nft(8) shows of them. */
function made(words: readonly string[]): string {
  return execFileSync('unshare', ['-n', 'sh', '-c', 'nft -f - && nft list ruleset'], {
    input: words.join('\n'),
    encoding: 'utf8',
  });
}

/** Of the table while a box is there. */
function explained(flags: readonly string[]): string[] {
  const { stdout } = host.tsbox('explain', '--network=net', ...flags, 'busybox', '--', 'true');
  const words = [...stdout.matchAll(/^sendto\(NETLINK_NETFILTER, (.*?)\)(?: +#.*)?$/gm)].map(
    ([, word = '']) => word,
  );
  // The last two remove it again.
  return words.slice(0, -2);
}

const published = [
  ...['-p', '8080:80', '-p', '127.0.0.1:5353:53/udp', '-p', '[2001:db8:1::2]:443:443'],
  ...['-p', '192.0.2.2:65535:1'],
];
/** More than fit into one message. */
const many = [1, 2, 3].flatMap((number) => {
  const range = `${number}0000-${number}0511`;
  return ['-p', `${range}:${range}`];
});

test.each([
  ['IPv4', [], []],
  ['IPv4 and IPv6, with ports', ['--ipv6'], published],
  ['many ports', ['--ipv6'], many],
  ['lengths that end inside of a byte', ['--subnet=10.64.0.0/12', '--subnet=fd00:2::/47'], []],
  ['an internal network', ['--internal', '--ipv6'], []],
])('%s', async (_, network, flags) => {
  host.tsbox('network', 'create', ...network, 'net');
  const words = explained(flags);
  const box = await host.idle('--network=net', ...flags);
  expect(words.length).toBeGreaterThan(20);
  expect(host.shell('nft list ruleset')).toBe(made(words));
  await box.end();
  host.tsbox('network', 'rm', 'net');
  expect(host.traces()).toBe(before);
});

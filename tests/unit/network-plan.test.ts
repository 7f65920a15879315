import { expect, test } from 'vitest';
import { networkTable } from '../../src/plan/firewall.ts';
import { defaultRoute, newAddress, newPair } from '../../src/plan/links.ts';
import { hostsText, resolverText } from '../../src/plan/names-text.ts';
import { encodeMessage, printHardwareAddress, printMessage } from '../../src/plan/netlink.ts';
import { hardwareAddress, hostInterface, interfaceNumber } from '../../src/plan/network.ts';
import { printChange } from '../../src/plan/nftables.ts';
import { conflicts, freeSubnet, uniqueLocal } from '../../src/plan/subnets.ts';
import { type Address, parseAddress, parseSubnet, printSubnet } from '../../src/spec/addresses.ts';
import type { Network } from '../../src/spec/network.ts';
import { parsePublish } from '../../src/spec/ports.ts';

function at(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

const subnets = (...words: string[]) => words.flatMap((word) => parseSubnet(word) ?? []);
const known = { pid: 4711, indexOf: () => 7 };

test('a message is what the kernel reads', () => {
  // struct nlmsghdr, struct ifaddrmsg, IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST.
  expect(encodeMessage(newAddress('br', at('10.90.0.1'), 24), 9, known).toString('hex')).toBe(
    [
      '30000000',
      '1400',
      '0506',
      '09000000',
      '00000000',
      '02180000',
      '07000000',
      '080002000a5a0001',
      '080001000a5a0001',
      '080004000a5a00ff',
    ].join(''),
  );
  expect(encodeMessage(defaultRoute(at('10.90.0.1')), 1, known).toString('hex')).toBe(
    '2400000018000506010000000000000002000000fe0300010000000008000500' + '0a5a0001',
  );
});

test('a message of version 6 asks nobody whether the address is free', () => {
  const bytes = encodeMessage(newAddress(3, at('fd00::2'), 64), 1, known);
  expect([...bytes.subarray(16, 24)]).toEqual([10, 64, 2, 0, 3, 0, 0, 0]);
});

test('an interface name is padded, the attribute around it counts without', () => {
  const pair = {
    host: 'tsbabc',
    inside: 'eth0',
    index: 100_001,
    hardware: Uint8Array.of(2, 0x74, 10, 1, 0, 2),
    mtu: 1400,
  };
  const bytes = encodeMessage(newPair(pair), 1, known);
  expect(bytes.readUInt32LE(0)).toBe(bytes.length);
  expect(bytes.length % 4).toBe(0);
  expect(bytes.readUInt32LE(20)).toBe(100_001);
  expect(printMessage(newPair(pair))).toBe(
    '{RTM_NEWLINK, {ifi_index=100001}, IFLA_IFNAME="eth0", IFLA_MTU=1400, IFLA_ADDRESS=02:74:0a:01:00:02, IFLA_NET_NS_PID=$PID, IFLA_LINKINFO={IFLA_INFO_KIND="veth", IFLA_INFO_DATA={VETH_INFO_PEER={IFLA_IFNAME="tsbabc", IFLA_MTU=1400}}}}',
  );
});

test('interfaces of boxes have names that the kernel takes, and numbers of their own', () => {
  expect(hostInterface('0123456789ab')).toBe('tsb0123456789ab');
  expect(interfaceNumber('ffffffffffff')).toBeLessThan(2 ** 31);
  expect(interfaceNumber('000000100000')).not.toBe(interfaceNumber('000000200000'));
});

test('the card of a box has an address that no other on the network has', () => {
  const of = (...words: string[]) =>
    printHardwareAddress(hardwareAddress({ addresses: words.map(at) }));
  expect(of('10.1.0.2', 'fd00::2')).toBe('02:74:0a:01:00:02');
  expect(of('10.1.0.3')).toBe('02:74:0a:01:00:03');
});

test('a network gets addresses that lead nowhere else', () => {
  const free = (...taken: string[]) => freeSubnet('default', subnets(...taken));
  const print = (subnet: ReturnType<typeof free>) =>
    subnet === undefined ? undefined : printSubnet(subnet);
  expect(print(free())).toBe('10.90.0.0/24');
  expect(print(free('10.90.0.0/25', '192.0.2.0/24'))).toBe('10.90.1.0/24');
  expect(print(free('10.90.0.0/16'))).toBeUndefined();
  expect(printSubnet(uniqueLocal('0123456789'))).toBe('fd01:2345:6789::/64');
  const own = subnets('10.0.0.0/24', 'fd00::/64');
  expect(conflicts(own, subnets('0.0.0.0/0', '::/0', '10.0.1.0/24'))).toEqual([]);
  expect(conflicts(own, subnets('10.0.0.0/8')).map(printSubnet)).toEqual(['10.0.0.0/8']);
});

const network: Network = {
  name: 'blue',
  bridge: 'tsbox3',
  subnets: subnets('10.1.0.0/24', 'fd00:1::/64'),
  internal: false,
};
const publisher = {
  addresses: [at('10.1.0.2'), at('fd00:1::2')],
  ports: ['8080:80', '127.0.0.1:53:5353/udp', '[2001:db8::1]:443:443'].flatMap(parsePublish),
};

test('a table is made anew as a whole, and has the published ports of all', () => {
  const commands = printChange(networkTable(network, [publisher], false));
  expect(commands.slice(0, 3)).toEqual([
    'add table inet tsbox3',
    'delete table inet tsbox3',
    'add table inet tsbox3',
  ]);
  expect(commands.filter((each) => each.startsWith('add element'))).toEqual([
    'add element inet tsbox3 any4 { tcp . 8080 : 10.1.0.2 . 80 }',
    'add element inet tsbox3 any6 { tcp . 8080 : fd00:1::2 . 80 }',
    'add element inet tsbox3 at4 { 127.0.0.1 . udp . 53 : 10.1.0.2 . 5353 }',
    'add element inet tsbox3 at6 { 2001:db8::1 . tcp . 443 : fd00:1::2 . 443 }',
  ]);
});

test.each([
  ['nothing of an internal network leaves it', { internal: true }, false, 'iifname "tsbox3" drop'],
  ['others are not routed by tsbox', {}, true, 'iifname != "tsbox*" oifname != "tsbox*" drop'],
])('%s', (_, more, alone, rule) => {
  const rules = (of: Partial<Network>, only: boolean) =>
    printChange(networkTable({ ...network, ...of }, [], only)).map((each) =>
      each.replace(/^.* forwarded /, ''),
    );
  expect(rules(more, alone)).toContain(rule);
  expect(rules({}, false)).not.toContain(rule);
});

test('an internal network has no address of the host', () => {
  const masquerade = (internal: boolean) =>
    printChange(networkTable({ ...network, internal }, [], false)).filter((each) =>
      each.endsWith('oifname != "tsbox3" masquerade'),
    ).length;
  expect([masquerade(false), masquerade(true)]).toEqual([2, 0]);
});

test('/etc/hosts has what was asked for first, the box, the host and its neighbours', () => {
  const box = { addresses: [at('10.1.0.2'), at('fd00:1::2')], names: ['web', 'abc'] };
  const other = { addresses: [at('10.1.0.3')], names: ['db'] };
  expect(hostsText([{ name: 'x', address: at('192.0.2.1') }], box, [at('10.1.0.1')], [other])).toBe(
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n192.0.2.1\tx\n10.1.0.2\tweb abc\nfd00:1::2\tweb abc\n10.1.0.1\thost.containers.internal host.docker.internal\n10.1.0.3\tdb\n',
  );
  expect(hostsText([], { addresses: [], names: ['web'] }, [], [])).toMatch(
    /^127\.0\.0\.1\tlocalhost web\n/,
  );
});

test.each([
  [{}, 'search example.org\nnameserver 192.0.2.53\noptions edns0\n'],
  [{ servers: [at('192.0.2.1')] }, 'search example.org\nnameserver 192.0.2.1\noptions edns0\n'],
  [{ search: ['a', 'b'] }, 'search a b\nnameserver 192.0.2.53\noptions edns0\n'],
  [{ search: ['.'] }, 'nameserver 192.0.2.53\noptions edns0\n'],
  [{ options: ['ndots:2'] }, 'search example.org\nnameserver 192.0.2.53\noptions ndots:2\n'],
])('/etc/resolv.conf with what was asked for (%#)', (asked, text) => {
  const host =
    '# of the host\nsearch x\nsearch example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\noptions edns0\n';
  const names = { servers: [], search: [], options: [], hosts: [], ...asked };
  expect(resolverText(names, host, ({ value }) => value >> 24n !== 127n)).toBe(text);
});

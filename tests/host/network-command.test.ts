/** Networks that somebody creates, on a host that the test made itself. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, HOST_ADDRESS, OUTSIDE, OwnHost } from './own-host.ts';

let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  host.box('true', '--network=bridge');
  before = host.traces();
});
afterEach(async () => {
  await host.tidy();
  host.tsbox('network', 'prune');
  expect(host.traces()).toBe(before);
});
afterAll(() => host.end());

const network = (...words: string[]) => host.tsbox('network', ...words);

test('create says the name, ls and inspect show it, rm removes it', () => {
  expect(network('create', 'blue', '--subnet', '10.77.0.0/24', '--ipv6')).toEqual({
    status: 0,
    stdout: 'blue\n',
    stderr: '',
  });
  expect(network('ls').stdout).toMatch(
    /^NAME +BRIDGE +SUBNETS +INTERNAL +BOXES\ntsbox +tsbox0 +- +no +0\nblue +tsbox1 +10\.77\.0\.0\/24,fd[0-9a-f:]+\/64 +no +0\n$/,
  );
  expect(JSON.parse(network('inspect', 'blue').stdout)).toMatchObject([
    {
      name: 'blue',
      bridge: 'tsbox1',
      internal: false,
      subnets: [{ subnet: '10.77.0.0/24', gateway: '10.77.0.1' }, {}],
      boxes: [],
    },
  ]);
  expect(network('rm', 'blue').stdout).toBe('blue\n');
  expect(network('rm', 'blue')).toMatchObject({
    status: 125,
    stderr: 'tsbox: no network is called blue: `tsbox network ls` lists those there are\n',
  });
});

test('everything that is wrong is said at once', () => {
  const words = ['--subnet', '10.0.0.1/24', '--subnet', '127.0.0.0/8', '-o', 'mtu=9'];
  const { status, stderr } = network('create', 'host', ...words);
  expect(status).toBe(125);
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(/^tsbox: host: --network host means something else/),
    expect.stringMatching(/^tsbox: --subnet 10\.0\.0\.1\/24: not a subnet, or not its first/),
    expect.stringMatching(/^tsbox: --subnet 127\.0\.0\.0\/8: these are the addresses of the loop/),
    expect.stringMatching(/^tsbox: --opt mtu=9: mtu=NUMBER is allowed, 68 to 65535/),
    '',
  ]);
});

test('addresses that lead elsewhere are refused, when it is created and when it is used', () => {
  expect(network('create', 'a', '--subnet', '192.0.2.128/25').stderr).toMatch(
    /^tsbox: the network a has 192\.0\.2\.128\/25, and the host has a route to 192\.0\.2\.0\/24 already/,
  );
  network('create', 'a', '--subnet', '10.77.0.0/24');
  expect(network('create', 'b', '--subnet', '10.77.0.0/16').stderr).toMatch(
    /^tsbox: the network b/,
  );
  host.shell('ip route add 10.77.0.0/16 via 192.0.2.1');
  const { status, stderr } = host.box('true', '--network=a');
  host.shell('ip route del 10.77.0.0/16');
  expect([status, stderr]).toEqual([
    125,
    expect.stringMatching(/^tsbox: the network a has 10\.77/),
  ]);
});

test('boxes reach each other and published ports over IPv6, and not other networks', async () => {
  network('create', 'blue', '--ipv6');
  network('create', 'red', '--ipv6');
  const web = await host.server(80, 'hello', '--network=blue', '--hostname=web', '-p', '8080:80');
  const [four = '', six = ''] = JSON.parse(network('inspect', 'blue').stdout)[0].boxes[0].addresses;
  expect(network('rm', 'blue').stderr).toMatch(/^tsbox: blue has boxes \([0-9a-f]{12}\): end them/);
  const near = host.box(`${ask('web', 80)}; ping -6 -c 1 -W 3 web`, '--network=blue');
  expect(near.stdout).toMatch(/^hello\nPING web \(fd/);
  expect(near.stdout).toContain('1 packets received');
  const far = host.box(`${ask(four, 80)}; ping -6 -c 1 -W 1 ${six}`, '--network=red');
  expect(far.stdout).toMatch(/^nobody\n/);
  expect(far.stdout).toContain(' 0 packets received');
  // What is published is for everybody.
  expect(host.box(ask(HOST_ADDRESS, 8080), '--network=red').stdout).toBe('hello\n');
  expect(host.shell('busybox ping -6 -c 1 -W 3 2001:db8:1::1 >/dev/null; echo $?')).toBe('0\n');
  await web.end();
});

test('nothing leaves an internal network', () => {
  network('create', 'inner', '--internal');
  const { stdout } = host.box(
    `ip route; ip route add default via 10.91.0.1; ping -c 1 -W 1 ${OUTSIDE}; cat /etc/resolv.conf /proc/sys/net/ipv4/ip_forward`,
    '--network=inner',
    '--cap-add=NET_ADMIN',
  );
  expect(stdout).not.toMatch(/^default/m);
  expect(stdout).toContain(' 0 packets received');
  expect(stdout).not.toContain('nameserver');
  expect(host.shell('cat /proc/sys/net/ipv4/ip_forward')).toBe('0\n');
});

test('the size of packets is that of the network', () => {
  network('create', 'small', '-o', 'mtu=1300');
  expect(host.box('cat /sys/class/net/eth0/mtu', '--network=small').stdout).toBe('1300\n');
  expect(host.box('cat /sys/class/net/eth0/mtu', '--network=bridge').stdout).toBe('1500\n');
});

test('the addresses of a network of two come to an end', async () => {
  network('create', 'two', '--subnet', '10.77.0.0/30');
  const only = await host.idle('--network=two');
  expect(only.said()).toContain('10.77.0.2');
  expect(host.box('true', '--network=two').stderr).toMatch(
    /^tsbox: the network two has no address left: all 1 are those of running boxes/,
  );
  await only.end();
});

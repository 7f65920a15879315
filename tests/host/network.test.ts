/** Boxes on networks, on a host that the test made itself. */
import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, HOST_ADDRESS, OUTSIDE, OwnHost } from './own-host.ts';

const received = '1 packets transmitted, 1 packets received, 0% packet loss\n';

let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  // The first run makes directories that stay.
  host.tsbox('run', '--network', 'bridge', 'busybox', '--', 'true');
  before = host.traces();
});
afterAll(() => host.end());

afterEach(() => host.tidy());

describe('none', () => {
  test.each(['--network=none', '--net=none'])('%j', (flag) => {
    const { stdout } = host.box('ip -o address; ip route; ls /sys/class/net', flag);
    expect(stdout).toMatch(/^1: lo +inet 127.0.0.1\/8 scope host lo/);
    expect(stdout).toMatch(/\nlo\n$/);
    expect(stdout).not.toContain('default');
  });

  test('makes nothing on the host', () => {
    host.box('true', '--network=none');
    expect(host.traces()).toBe(before);
  });
});

describe('host', () => {
  test('the box has the interfaces of the host, its names and its ids', () => {
    const { stdout, stderr, status } = host.box(
      'ip -o -4 address show out0; ls /sys/class/net; cat /etc/hosts',
      '--network=host',
      '--add-host=db:192.0.2.7',
    );
    expect(stderr).toMatch(
      /^tsbox: root of this box is root of the host: --network host: [^\n]*\n$/,
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining(`inet ${HOST_ADDRESS}/24`)]);
    expect(stdout).toMatch(/^out0$/m);
    expect(stdout).toMatch(/^127\.0\.0\.1\tlocalhost tsbox [0-9a-f]{12}$/m);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(host.traces()).toBe(before);
  });

  test('a box with ids of its own sees it, and has no power over it', () => {
    const { stdout, stderr, status } = host.box(
      'ls /sys/class/net; ip link set out0 down 2>/dev/null || echo refused; mkdir /sys/fs/cgroup/x 2>/dev/null || echo ro; (echo 1 >/sys/class/net/out0/mtu) 2>/dev/null || echo ro',
      '--network=host',
      '--userns=auto',
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^out0$[\s\S]*refused\nro\nro\n/m);
    expect(host.traces()).toBe(before);
  });
});

describe('bridge', () => {
  test('the box has an address and a way out, and the host keeps nothing', () => {
    const { stdout, stderr, status } = host.box(
      `ip -o -4 address show eth0; ip route; ping -c 1 -W 3 ${OUTSIDE} | grep received; cat /proc/sys/net/ipv6/conf/eth0/accept_ra`,
      '--network=bridge',
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toContain('inet 10.90.0.2/24');
    expect(stdout).toContain('default via 10.90.0.1 dev eth0');
    expect(stdout).toContain('1 packets received');
    expect(stdout).toMatch(/\n0\n$/);
    expect(host.traces()).toBe(before);
  });

  test('outside it has the address of the host', () => {
    host.outside(
      'nft add table ip seen; nft add chain ip seen in "{ type filter hook input priority 0; }"; nft add rule ip seen in ip saddr 10.0.0.0/8 counter; nft add rule ip seen in ip saddr 192.0.2.2 icmp type echo-request counter',
    );
    host.box(`ping -c 1 -W 3 ${OUTSIDE}`, '--network=bridge');
    const counted = host.outside('nft list table ip seen; nft delete table ip seen');
    expect(counted).toMatch(/10\.0\.0\.0\/8 counter packets 0 /);
    expect(counted).toMatch(/echo-request counter packets 1 /);
  });

  test('boxes find each other by name, and those that come later, too', async () => {
    const first = await host.idle('--network=bridge', '--hostname=first');
    const second = await host.server(80, 'hello', '--network=bridge', '--hostname=second');
    const { stdout } = host.box(
      `ping -c 1 -W 3 first | head -1; ${ask('second', 80)}; cat /etc/hosts`,
      '--network=bridge',
      '--hostname=third',
    );
    expect(stdout).toMatch(/^PING first \(10\.90\.0\.2\)/);
    expect(stdout).toContain('\nhello\n');
    expect(stdout).toMatch(/\n10\.90\.0\.4\tthird [0-9a-f]{12}\n/);
    first.write('');
    await second.end();
    const { stdout: after } = host.box('cat /etc/hosts', '--network=bridge');
    expect(after).toMatch(/\tfirst /);
    expect(after).not.toMatch(/second|third/);
    await first.end();
    expect(host.traces()).toBe(before);
  });

  test('a box that runs hears of those that come and go', async () => {
    const first = await host.start(
      '--network=bridge',
      '--hostname=first',
      'busybox',
      '--',
      'sh',
      '-c',
      'echo ready; while read line; do cat /etc/hosts; echo done; done',
    );
    const second = await host.idle('--network=bridge', '--hostname=second');
    first.write('\n');
    await expect.poll(first.said).toMatch(/\tsecond [\s\S]*done\n$/);
    await second.end();
    first.write('\n');
    await expect.poll(first.said).toMatch(/done\n[\s\S]*done\n$/);
    expect(first.said().split('done\n')[1]).not.toContain('second');
    await first.end();
  });

  test('one that has the address of one before it is reached by who spoke with that', async () => {
    const loop = 'echo ready; while read line; do ping -c 1 -W 2 10.90.0.3 | grep received; done';
    const first = await host.start('--network=bridge', 'busybox', '--', 'sh', '-c', loop);
    for (const answers of [1, 2]) {
      const other = await host.idle('--network=bridge');
      expect(other.said()).toContain('10.90.0.3');
      first.write('\n');
      await expect.poll(first.said).toBe(`ready\n${received.repeat(answers)}`);
      await other.end();
    }
    await first.end();
  });

  test('nobody in the box changes what it reads there, and the image has nothing of it', () => {
    const { stdout } = host.box(
      'echo x >> /etc/hosts; echo $?; mount | grep /etc/',
      '--network=bridge',
    );
    expect(stdout).toMatch(/^1\n/);
    expect(stdout).toMatch(/\/etc\/hosts type tmpfs \(ro,nosuid,nodev,noexec/);
  });
});

describe('published ports', () => {
  test('lead into the box from everywhere, or where it was asked for only', async () => {
    const web = await host.server(
      80,
      'hello',
      '--network=bridge',
      '-p',
      '8080:80',
      '-p',
      '127.0.0.1:8081:80',
      '-p',
      `${HOST_ADDRESS}:8082:80`,
    );
    const from = (address: string, port: number) => host.shell(ask(address, port)).trim();
    expect(from('127.0.0.1', 8080)).toBe('hello');
    expect(from(HOST_ADDRESS, 8080)).toBe('hello');
    expect(from('127.0.0.1', 8081)).toBe('hello');
    expect(from(HOST_ADDRESS, 8081)).toBe('nobody');
    expect(from('127.0.0.1', 8082)).toBe('nobody');
    expect(from(HOST_ADDRESS, 8082)).toBe('hello');
    expect(host.outside(ask(HOST_ADDRESS, 8080)).trim()).toBe('hello');
    expect(host.outside(ask(HOST_ADDRESS, 8081)).trim()).toBe('nobody');
    // Another box, and the box itself.
    expect(host.box(ask(HOST_ADDRESS, 8080), '--network=bridge').stdout).toContain('hello');
    expect(host.box(ask('host.containers.internal', 8080), '--network=bridge').stdout).toContain(
      'hello',
    );
    await web.end();
    expect(host.traces()).toBe(before);
  });

  test('what is not published cannot be reached from outside', async () => {
    const web = await host.server(81, 'secret', '--network=bridge', '-p', '8080:80');
    host.outside(`ip route add 10.90.0.0/24 via ${HOST_ADDRESS}`);
    expect(host.outside(ask('10.90.0.2', 81)).trim()).toBe('nobody');
    host.outside('ip route del 10.90.0.0/24');
    await web.end();
  });

  test('one that is in use is refused, and nothing is left', async () => {
    const first = await host.server(80, 'hello', '--network=bridge', '-p', '8080:80');
    const { status, stderr } = host.box('true', '--network=bridge', '-p', '8080:81');
    expect(status).toBe(125);
    expect(stderr).toBe(
      'tsbox: --publish 8080:81/tcp: another program, or another box, has that port of the host: choose another\n',
    );
    expect(host.box('true', '--network=bridge', '-p', '198.51.100.1:80:80').stderr).toMatch(
      /^tsbox: --publish 198\.51\.100\.1:80:80\/tcp: the host has no such address/,
    );
    await first.end();
    expect(host.traces()).toBe(before);
  });
});

describe('walls', () => {
  test('services of the host at 127.0.0.1 are not for boxes (CVE-2020-8558)', async () => {
    const listener = spawn(host.by[0] ?? '', [
      ...host.by.slice(1),
      'busybox',
      'nc',
      '-ll',
      '-p',
      '9000',
      '-s',
      '127.0.0.1',
      '-e',
      'echo',
      'secret',
    ]);
    const { stdout } = host.box(
      `ip route add 127.0.0.9/32 via 10.90.0.1; ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.1/32 via 10.90.0.1 dev eth0; ${ask('127.0.0.1', 9000)}`,
      '--network=bridge',
      '--cap-add=NET_ADMIN',
    );
    listener.kill();
    expect(stdout.trim().split('\n').at(-1)).toBe('nobody');
  });

  test('the host does not become a router for others', async () => {
    const first = await host.idle('--network=bridge');
    expect(host.shell('cat /proc/sys/net/ipv4/ip_forward').trim()).toBe('1');
    host.shell(
      'ip link add other0 type bridge; ip address add 198.51.100.1/24 dev other0; ip link set other0 up',
    );
    host.outside(`ip route add 198.51.100.0/24 via ${HOST_ADDRESS}`);
    host.shell(
      'nft add table ip t; nft add chain ip t p "{ type filter hook postrouting priority 0; }"; nft add rule ip t p oifname other0 ip saddr 192.0.2.1 counter',
    );
    host.outside('busybox ping -c 1 -W 1 198.51.100.7 || true');
    expect(host.shell('nft list table ip t')).toMatch(/counter packets 0 /);
    host.shell('nft delete table ip t; ip link delete other0');
    host.outside('ip route del 198.51.100.0/24');
    await first.end();
    expect(host.traces()).toBe(before);
  });

  test('no box sends in the name of somebody else', () => {
    host.outside(
      'nft add table ip seen; nft add chain ip seen in "{ type filter hook input priority 0; }"; nft add rule ip seen in icmp type echo-request counter',
    );
    host.box(
      `ip address add 203.0.113.9/32 dev eth0; ping -c 1 -W 1 -I 203.0.113.9 ${OUTSIDE}`,
      '--network=bridge',
      '--cap-add=NET_ADMIN',
    );
    expect(host.outside('nft list table ip seen; nft delete table ip seen')).toMatch(
      /counter packets 0 /,
    );
  });
});

describe('what is left', () => {
  test('after SIGKILL of tsbox is removed by the next run, whatever it is', async () => {
    const killed = await host.server(80, 'hello', '--network=bridge', '-p', '8080:80');
    await killed.kill();
    expect(host.traces()).not.toBe(before);
    expect(host.box('true').status).toBe(0);
    expect(host.traces()).toBe(before);
  });

  test('others on the network keep what they have', async () => {
    const stays = await host.server(80, 'hello', '--network=bridge', '-p', '8081:80');
    const killed = await host.idle('--network=bridge', '-p', '8080:80');
    await killed.kill();
    host.box('true');
    expect(host.shell(ask('127.0.0.1', 8081)).trim()).toBe('hello');
    expect(host.shell('nft list ruleset')).not.toContain('8080');
    await stays.end();
    expect(host.traces()).toBe(before);
  });

  test('rules and routes of others are as they were', async () => {
    host.shell(
      'nft add table ip mine; nft add chain ip mine c; nft add rule ip mine c counter accept',
    );
    const mine = host.traces();
    host.box('true', '--network=bridge', '-p', '8080:80');
    expect(host.traces()).toBe(mine);
    host.shell('nft delete table ip mine');
  });

  test('forwarding that was on stays on', () => {
    host.shell('echo 1 > /proc/sys/net/ipv4/ip_forward');
    host.box('true', '--network=bridge');
    expect(host.shell('cat /proc/sys/net/ipv4/ip_forward').trim()).toBe('1');
    host.shell('echo 0 > /proc/sys/net/ipv4/ip_forward');
  });
});

test('50 boxes at once have 50 addresses, and are gone without a trace', async () => {
  const boxes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => host.idle('--network=bridge', `--hostname=b${index}`)),
  );
  const addresses = new Set(boxes.map(({ said }) => said().trim().split(/\s+/).at(-1)));
  expect(addresses.size).toBe(50);
  const { stdout } = host.box(
    'for i in $(seq 0 49); do ping -c 1 -W 3 b$i | grep -c "1 packets received"; done',
    '--network=bridge',
  );
  expect(stdout).toBe('1\n'.repeat(50));
  await Promise.all(boxes.map(({ kill }) => kill()));
  host.box('true');
  expect(host.traces()).toBe(before);
}, 120_000);

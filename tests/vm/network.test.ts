/** Micro-VMs on networks, beside containers, on a host that the test made itself. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, OUTSIDE, OwnHost, type RunningBox } from '../host/own-host.ts';
import { compile } from '../host/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  host.tsbox('network', 'create', '--ipv6', '-o', 'mtu=1400', 'blue');
  host.tsbox('network', 'create', '--internal', 'inner');
  // The first run makes directories that stay, and finds out about KVM.
  host.tsbox('run', '--vm', '--network=bridge', 'busybox', '--', 'true');
  before = host.traces();
});
afterAll(() => {
  host.end();
  rmSync(scratch, { recursive: true });
});

afterEach(() => host.tidy());

/** Carries out each line that it is sent, and says what came of it. */
const SHELL = 'echo; while read -r line; do eval "$line" 2>&1; echo "=$?"; done';

async function machine(...flags: readonly string[]) {
  const box = await host.start('--vm', ...flags, 'busybox', '--', 'sh', '-c', SHELL);
  return { ...box, does: (line: string) => answer(box, line) };
}

/** With the exit status, as `…=0`. */
async function answer({ said, write }: RunningBox, line: string): Promise<string> {
  const start = said().length;
  write(`${line}\n`);
  const end = /^=\d+\n$/m;
  await expect.poll(() => said().slice(start), { timeout: 30_000 }).toMatch(end);
  return said().slice(start).trimEnd();
}

const ping = (name: string, family: 4 | 6) => `ping -${family} -c 1 -W 5 ${name} | grep received`;
const reached = expect.stringContaining('1 packets received');

test('a micro-VM and containers find each other by name, also those that come later', async () => {
  const ship = await host.server(80, 'hello', '--network=blue', '--hostname=ship');
  const whale = await machine(
    ...['--network=blue', '--hostname=whale', '-p', '8080:80'],
    ...['--add-host=db:192.0.2.7', '--dns=192.0.2.53', '--cap-add=NET_ADMIN'],
  );
  expect(await whale.does('cat /etc/hosts /etc/resolv.conf; cat /sys/class/net/eth0/mtu')).toMatch(
    /^127\.0\.0\.1\tlocalhost\n[\s\S]*^192\.0\.2\.7\tdb\n10\.\d+\.\d+\.3\twhale [\s\S]*\tship [\s\S]*^nameserver 192\.0\.2\.53\n1400\n=0/m,
  );
  for (const family of [4, 6] as const) {
    expect(await whale.does(ping('ship', family))).toEqual(reached);
    const { stdout } = host.box(ping('whale', family), '--network=blue');
    expect(stdout).toEqual(reached);
  }
  expect(await whale.does(ask('ship', 80))).toBe('hello\n=0');
  expect(await whale.does(ping(OUTSIDE, 4))).toEqual(reached);
  const late = await host.idle('--network=blue', '--hostname=late');
  await expect.poll(() => whale.does(ping('late', 6)), { timeout: 30_000 }).toEqual(reached);
  await late.end();
  await expect.poll(() => whale.does('grep -c late /etc/hosts')).toBe('0\n=1');
  await Promise.all([whale.end(), ship.end()]);
  expect(host.traces()).toBe(before);
});

test('a hundred megabytes arrive unharmed through published ports, by TCP and UDP, and from and to a container', async () => {
  const file = join(scratch, 'file');
  writeFileSync(file, randomBytes(100 * 2 ** 20));
  copyFileSync(compile('neighbours', '-static'), join(scratch, 'neighbours'));
  const sum = host.shell(`md5sum <${file}`);
  const shared = ['--network=bridge', '-v', `${scratch}:/v:ro`];
  const web = await machine(...shared, '--hostname=web', '-p', '8080:80', '-p', '8081:81/udp');
  web.write('nc -ll -p 80 -e md5sum &\n');
  await expect
    .poll(() => host.shell('echo | busybox nc -w 20 127.0.0.1 8080 || true'), { timeout: 30_000 })
    .toMatch(/ -\n/);
  expect(host.shell(`busybox nc -w 20 127.0.0.1 8080 <${file}`)).toBe(sum);
  expect(host.outside(`busybox nc -w 20 192.0.2.2 8080 <${file}`)).toBe(sum);
  expect(host.box('nc -w 20 web 80 </v/file', ...shared).stdout).toBe(sum);
  web.write('/v/neighbours take 81 2>/dev/null | md5sum; echo taken\n');
  host.outside(`${scratch}/neighbours give 192.0.2.2 8081 <${file}`);
  await expect.poll(web.said, { timeout: 30_000 }).toContain(`${sum}taken\n`);
  const ship = await host.start(
    ...['--network=bridge', '--hostname=ship', 'busybox', '--', 'sh', '-c'],
    'echo ready; nc -l -p 80 | md5sum; cat',
  );
  expect(await web.does('until nc -w 20 ship 80 </v/file; do sleep 0.1; done')).toBe('=0');
  await expect.poll(ship.said).toBe(`ready\n${sum}`);
  await Promise.all([ship.end(), web.end()]);
  expect(host.traces()).toBe(before);
}, 180_000);

test('it sends in nobody else’s name, and an internal network leads nowhere', async () => {
  host.outside(
    'nft add table ip seen; nft add chain ip seen in "{ type filter hook input priority 0; }"; nft add rule ip seen in icmp type echo-request counter',
  );
  const liar = await machine('--network=bridge', '--cap-add=NET_ADMIN');
  const forged = `ip address add 203.0.113.9/32 dev eth0; ping -c 1 -W 1 -I 203.0.113.9 ${OUTSIDE}`;
  expect(await liar.does(forged)).toMatch(/ 0 packets received[\s\S]*=1$/);
  await liar.end();
  const inner = await host.server(80, 'hello', '--network=inner', '--hostname=ship');
  // With a volume, QEMU has a further descriptor.
  const outcast = await machine('--network=inner', '-v', `${scratch}:/v:ro`);
  expect(await outcast.does(`${ask('ship', 80)}; ls /v`)).toBe('hello\nfile\nneighbours\n=0');
  expect(await outcast.does(`ping -c 1 -W 1 ${OUTSIDE}`)).toMatch(/unreachable[\s\S]*=1$/);
  await Promise.all([outcast.end(), inner.end()]);
  expect(host.outside('nft list table ip seen; nft delete table ip seen')).toMatch(
    /counter packets 0 /,
  );
  expect(host.traces()).toBe(before);
});

test('after SIGKILL of tsbox its interface is gone, and the rest with the next run', async () => {
  const killed = await machine('--network=bridge', '-p', '8080:80');
  expect(host.shell('ip -o link')).toMatch(/ tsb[0-9a-f]{12}: .* master tsbox0 /);
  await killed.kill();
  await expect.poll(() => host.shell('ip -o link')).not.toMatch(/ tsb[0-9a-f]{12}:/);
  expect(host.box('true').status).toBe(0);
  expect(host.traces()).toBe(before);
});

test('without a network it has the names that it was given, and no card', () => {
  const script = 'cat /etc/hosts; ls /sys/class/net';
  const words = [
    'run',
    '--vm',
    '--network=none',
    '--add-host=db:192.0.2.7',
    'busybox',
    '--',
    'sh',
    '-c',
    script,
  ];
  expect(host.tsbox(...words).stdout).toMatch(
    /^127\.0\.0\.1\tlocalhost tsbox [0-9a-f]{12}\n[^\n]*\n192\.0\.2\.7\tdb\nlo\n$/,
  );
});

test('a micro-VM of root’s of which nothing is said is on the bridge, and without TUN on none', () => {
  const words = 'run --vm busybox -- ls /sys/class/net'.split(' ');
  const { stdout, status } = host.tsbox(...words);
  expect({ stdout, status }).toEqual({ stdout: 'eth0\nlo\n', status: 0 });
  host.shell('mount -t tmpfs none /dev/net');
  const alone = host.tsbox(...words);
  const asked = host.tsbox('run', '--vm', '--network=bridge', 'busybox', '--', 'true');
  host.shell('umount /dev/net');
  expect(alone).toMatchObject({ stdout: 'lo\n', status: 0 });
  expect(alone.stderr).toMatch(/^tsbox: the box has its loopback interface alone: open_tap .*$/m);
  expect(asked.stderr).toMatch(/^tsbox: open_tap failed: .*\n {2}call: /);
  expect(asked.status).toBe(125);
  expect(host.traces()).toBe(before);
});

test('explain shows the interface, the card, and what the guest does with it', () => {
  const { stdout, status } = host.tsbox(
    ...['explain', '--vm', '--network=bridge', '-p', '8080:80', 'busybox', '--', 'true'],
  );
  expect(status).toBe(0);
  for (const part of [
    'sendto(NETLINK_ROUTE, {RTM_NEWLINK, {ifi_flags=1, ifi_change=1}, IFLA_IFNAME="tsbox0"',
    'ioctl(open("/dev/net/tun"), TUNSETIFF, {ifr_name="tsbID", ',
    '-netdev tap,id=network,fd=',
    '-device virtio-net-device,netdev=network,mac=02:74:00:00:00:01',
    'IFA_LOCAL=10.90.0.2',
    'attached at /etc/hosts',
  ])
    expect(stdout).toContain(part);
  expect(host.traces()).toBe(before);
});

test('networks that a guest cannot be in are refused', async () => {
  const refused = (...words: string[]) =>
    host.tsbox('run', ...words, 'busybox', '--', 'true').stderr;
  expect(refused('--vm', '--network=host')).toMatch(/^tsbox: linux\.namespaces \(--network\): /);
  const { write, said, end } = await machine('--network=bridge');
  const [id = ''] = host.shell('ls /run/tsbox/networks/boxes').split('\n');
  for (const driver of [[], ['--vm']])
    expect(refused(...driver, `--network=container:${id}`)).toMatch(
      /^tsbox: --network container:\w+: it is a micro-VM, /,
    );
  write('exit\n');
  await end();
  expect(said()).toBe('\n');
});

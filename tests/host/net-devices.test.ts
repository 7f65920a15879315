/** linux.netDevices: interfaces that a box gets of a host that the test made itself. */
import { chmodSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundleDirectory, config, type Json, script, write } from './bundle.ts';
import { becomeOrdinaryUser } from './ordinary-user.ts';
import { OwnHost } from './own-host.ts';
import { starter } from './tsbox.ts';

let host: OwnHost;
beforeAll(async () => {
  host = await OwnHost.make();
  // The first run makes directories that stay.
  host.box('true', '--network=none');
});
afterAll(() => host.end());

let before: string;
beforeEach(() => {
  before = host.traces();
});

/** `lan` leads to `far`, in another network namespace. */
const CABLE = `
  ip link add lan type veth peer name far; ip link set far netns $(cat /run/tsbox/outside)
  ip link set lan mtu 1400
  ip address add 198.51.100.2/24 dev lan; ip address add 198.51.100.3 peer 198.51.100.9 dev lan
  ip -6 address add 2001:db8:2::2/64 dev lan nodad; ip link set lan up`;
const FAR =
  'ip address add 198.51.100.1/24 dev far; ip -6 address add 2001:db8:2::1/64 dev far nodad; ip link set far up';

function lay(): void {
  const [, , pid = ''] = host.beyond;
  host.shell(`echo ${pid} >/run/tsbox/outside; ${CABLE}; rm /run/tsbox/outside`);
  host.outside(FAR);
}

afterEach(() => {
  host.shell('ip link delete lan 2>/dev/null || true');
  host.outside('ip link delete far 2>/dev/null || true');
  expect(host.traces()).toBe(before);
});

/** To ping, and to change interfaces. */
const own = ['CAP_NET_RAW', 'CAP_NET_ADMIN'];
const capable = { process: { capabilities: { bounding: own, effective: own, permitted: own } } };

const run = (change: Json, text: string) =>
  host.tsbox('run', '--config', write(config(change, capable, script(text))));
const devices = (netDevices: Json, ...more: readonly Json[]): Json => ({
  linux: Object.assign({ netDevices }, ...more),
});

test('a box has them, up, with their addresses and sizes', () => {
  lay();
  const { stdout, stderr, status } = run(
    devices({ lan: {} }),
    `cat /sys/class/net/lan/mtu; ip -o address show lan; ping -c 1 -W 5 198.51.100.1 >/dev/null && echo four
    ping -c 1 -W 5 2001:db8:2::1 >/dev/null && echo six`,
  );
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toMatch(/^1400\n/);
  expect(stdout).toMatch(/inet 198\.51\.100\.2\/24 /);
  expect(stdout).toMatch(/inet 198\.51\.100\.3 peer 198\.51\.100\.9\/32 /);
  expect(stdout).toMatch(/inet6 2001:db8:2::2\/64 /);
  expect(stdout).toMatch(/four\nsix\n$/);
});

test.each([
  ['uplink', 'lo\nuplink\n'],
  ['lan%d', 'lan0\nlo\n'],
])('under another name: %s', (name, seen) => {
  lay();
  const { stdout, stderr } = run(
    devices({ lan: { name } }),
    'ls /sys/class/net; ping -c 1 -W 5 198.51.100.1 >/dev/null && echo reached',
  );
  expect({ stdout, stderr }).toEqual({ stdout: `${seen}reached\n`, stderr: '' });
});

test('also in a user namespace', () => {
  lay();
  const map = [{ containerID: 0, hostID: 700_000_000, size: 65_536 }];
  const types = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup', 'user'];
  const { stdout, stderr } = run(
    devices(
      { lan: {} },
      { namespaces: types.map((type) => ({ type })), uidMappings: map, gidMappings: map },
    ),
    'ip link set lan mtu 1300 && cat /sys/class/net/lan/mtu',
  );
  expect({ stdout, stderr }).toEqual({ stdout: '1300\n', stderr: '' });
});

test.each<[string, Json, RegExp]>([
  ['nowhere', {}, /^tsbox: move_device failed: the interface nowhere: ENODEV/],
  ['lan', { name: 'lo' }, /^tsbox: move_device failed: RTM_SETLINK: EEXIST/],
])('one that cannot be had is refused, and stays on the host: %s', (name, device, message) => {
  lay();
  const { stderr, status } = run(devices({ [name]: device }), 'true');
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/why it is made: linux\.netDevices: /);
  expect(status).toBe(125);
  expect(host.shell('ip -o link show lan up; ip -o address show lan')).toMatch(
    /lan[@:][\s\S]* 198\.51\.100\.2\/24 [\s\S]* 2001:db8:2::2\/64 /,
  );
});

test('the host has one again when the box comes to nothing', () => {
  lay();
  const change = config(devices({ lan: { name: 'x%d' } }), { process: { args: ['/nowhere'] } });
  expect(host.tsbox('run', '--config', write(change)).status).toBe(127);
  expect(
    host.shell(
      'ip -o link show lan up; ip -o address show lan; busybox ping -c 1 -W 5 198.51.100.1',
    ),
  ).toMatch(
    /lan[@:][\s\S]* 198\.51\.100\.2\/24 [\s\S]* 2001:db8:2::2\/64 [\s\S]* 1 packets received/,
  );
});

test('--vm refuses it by its name', () => {
  const file = write(config(devices({ lan: {} })));
  const { stderr, status } = host.tsbox('run', '--vm', '--config', file);
  expect(stderr).toMatch(
    /linux\.netDevices: an interface of the host’s kernel cannot be in a guest/,
  );
  expect(status).toBe(125);
});

describe('without root', () => {
  test('they stay on the host', () => {
    lay();
    becomeOrdinaryUser('one');
    chmodSync(bundleDirectory, 0o755);
    const file = write(
      config(
        devices(
          { lan: {} },
          {
            namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type })),
            uidMappings: [{ containerID: 0, hostID: starter.user, size: 1 }],
            gidMappings: [{ containerID: 0, hostID: starter.user, size: 1 }],
          },
        ),
        { root: { path: starter.image } },
      ),
    );
    const { stderr, status } = host.resultAs(starter.become, 'run', '--config', file);
    expect(stderr).toMatch(/^tsbox: move_device failed: RTM_SETLINK: EPERM/);
    expect(status).toBe(125);
  });
});

/** The process of passt, whole, as `explain` shows it: tests/unit/golden/. */
import { expect, test } from 'vitest';
import { clientOfPasst, placeBehindPasst, planPasst } from '../../src/plan/passt.ts';
import { printSections } from '../../src/plan/print.ts';
import { commandLine } from '../../src/sandbox/explain-jail.ts';
import { printAddress, printSubnet } from '../../src/spec/addresses.ts';
import { parsePublish } from '../../src/spec/ports.ts';
import { someHost } from './boxes.ts';

const nobody = { uid: 1000, gid: 1000, standsFor: { uid: 1000, gid: 1000 } };

function planFor(ports: readonly string[] = []) {
  const { arch, anchor, cgroup } = someHost;
  const around = {
    arch,
    anchor,
    cgroup,
    nobody,
    system: [{ kind: 'host directory', path: 'usr', source: '/usr', access: 'read-only' }],
  } as const;
  return planPasst('ID', around, {
    program: '/bin/passt',
    ready: '/networks/ID/passt-ready',
    ports: ports.flatMap(parsePublish),
  });
}

test('its plan', async () => {
  const passt = planFor();
  expect(passt.cgroup).toBe('/sys/fs/cgroup/tsbox/ID/passt');
  expect(passt.before).toMatchObject([{ call: 'mkdir', path: passt.cgroup }]);
  expect(passt.maps.length).toBeGreaterThan(0);
  const text = `${commandLine(passt.argv)}\n\n${printSections(passt.sections)}`;
  await expect(text).toMatchFileSnapshot('golden/passt.txt');
});

test('what pasta leads to its namespace it leads to the guest, by ports that need no privilege', () => {
  const words = ['127.0.0.1:8080:80', '5353:53/udp', '8443:443'];
  const led = planFor(words).argv.filter((_, index, argv) => /-ports$/.test(argv[index - 1] ?? ''));
  expect(led).toEqual(['1024:80', '1026:443', '1025:53']);
  const client = clientOfPasst('ID', 7, nobody, words.flatMap(parsePublish));
  expect(client).toMatchObject({ pid: 7, uid: 1000, gid: 1000, keepsGroups: true });
  expect(client.ports.map(({ host, box }) => [host, box])).toEqual([
    [8080, 1024],
    [5353, 1025],
    [8443, 1026],
  ]);
  expect(client.ports[0]?.address).toMatchObject({ family: 4 });
});

test.each([
  [
    [4, 6],
    ['192.0.0.0/29', 'fd74:7362:6f78::/64'],
    ['192.0.0.2', 'fd74:7362:6f78::2'],
  ],
  [[4], ['192.0.0.0/29'], ['192.0.0.2']],
  [[6], ['fd74:7362:6f78::/64'], ['fd74:7362:6f78::2']],
] as const)(
  'where there are ways out for %j, the guest is in %j',
  (families, subnets, addresses) => {
    const place = placeBehindPasst(families);
    expect(place.network.subnets.map(printSubnet)).toEqual(subnets);
    expect(place.addresses.map(printAddress)).toEqual(addresses);
  },
);

/** The process of pasta, whole, as `explain` shows it: tests/unit/golden/. */
import { expect, test } from 'vitest';
import { clientOf, planPasta } from '../../src/plan/pasta.ts';
import { printSections } from '../../src/plan/print.ts';
import { commandLine } from '../../src/sandbox/explain-jail.ts';
import { parsePublish } from '../../src/spec/ports.ts';
import { withUserNamespace } from '../../src/spec/user-namespace.ts';
import { request, someHost, subordinate } from './boxes.ts';

const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const served = { program: '/bin/pasta', ready: '/networks/ID/pasta-ready' };

function planFor(maps: ReturnType<typeof map>[], ports: readonly string[] = []) {
  const { spec, layer } = request({});
  const ids = { own: 'no', asked: false, uid: maps, gid: maps } as const;
  const network = {
    choice: { kind: 'pasta', program: served.program },
    ports: ports.flatMap(parsePublish),
  } as const;
  const box = { spec: withUserNamespace(spec, ids), layer, id: 'ID', network };
  const host = { ...someHost, caller: subordinate };
  return planPasta(clientOf(box, host, '$PID'), host, served, [
    { kind: 'host directory', path: 'usr', source: '/usr', access: 'read-only' },
  ]);
}

test('its plan', async () => {
  const pasta = planFor([map(0, 1000, 1), map(1, 100000, 65536)]);
  expect(pasta.before).toMatchObject([{ call: 'mkdir', path: pasta.cgroup }]);
  expect(pasta.cgroup).toBe('/sys/fs/cgroup/tsbox/ID/pasta');
  const text = `${commandLine(pasta.argv)}\n\n${printSections(pasta.sections)}`;
  await expect(text).toMatchFileSnapshot('golden/pasta.txt');
});

test('in a box of one id it keeps the groups of the caller, as the kernel has it', () => {
  const calls = (maps: ReturnType<typeof map>[]) =>
    planFor(maps).sections.flatMap(({ steps }) => steps.map(({ call }) => call));
  expect(calls([map(0, 1000, 1)])).not.toContain('setgroups');
  expect(calls([map(0, 1000, 1), map(1, 100000, 65536)])).toContain('setgroups');
});

test.each([
  [[], ['--tcp-ports none', '--udp-ports none']],
  [['8080:80'], ['--tcp-ports 8080:80', '--udp-ports none']],
  [['127.0.0.1:53:53/udp'], ['--tcp-ports none', '--udp-ports 127.0.0.1/53:53']],
  [['[2001:db8::1]:80:80'], ['--tcp-ports 2001:db8::1/80:80', '--udp-ports none']],
  [
    ['8000-8001:80-81', '53:53/udp'],
    ['--tcp-ports 8000:80', '--tcp-ports 8001:81', '--udp-ports 53:53'],
  ],
])('ports %j', (ports, options) => {
  const { argv } = planFor([map(0, 1000, 1)], ports);
  const said = argv.flatMap((word, index) =>
    /^--(tcp|udp)-ports$/.test(word) ? [`${word} ${argv[index + 1]}`] : [],
  );
  expect(said).toEqual(options);
  expect(argv.join(' ')).toContain('--tcp-ns none --udp-ns none');
});

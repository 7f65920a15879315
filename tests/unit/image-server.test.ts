/** The process of fuse-overlayfs, whole, as `explain` shows it: tests/unit/golden/. */
import { expect, test } from 'vitest';
import { planImageServer } from '../../src/plan/image-server.ts';
import { printSections } from '../../src/plan/print.ts';
import { commandLine } from '../../src/sandbox/explain-jail.ts';
import { withUserNamespace } from '../../src/spec/user-namespace.ts';
import { request, someHost, subordinate } from './boxes.ts';

const box = (ids: Parameters<typeof withUserNamespace>[1]) => {
  const { spec, layer } = request({});
  return { spec: withUserNamespace(spec, ids), layer, id: 'ID' };
};
const own = { own: 'no', asked: false } as const;
const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });

test('its plan', async () => {
  const ranges = [map(0, 1000, 1), map(1, 100000, 65536)];
  const host = { ...someHost, caller: subordinate };
  const server = planImageServer(box({ ...own, uid: ranges, gid: ranges }), host, '/bin/served', [
    { kind: 'host directory', path: 'usr', source: '/usr', access: 'read-only' },
  ]);
  expect(server.before).toMatchObject([{ call: 'mkdir', path: server.cgroup }]);
  expect(server.cgroup).toBe('/sys/fs/cgroup/tsbox/ID/server');
  expect(server.maps).toMatchObject([{ call: 'execute' }, { call: 'execute' }]);
  const text = `${commandLine(server.argv)}\n\n${printSections(server.sections)}`;
  await expect(text).toMatchFileSnapshot('golden/image-server.txt');
});

test('it is whoever the box’s first user is, where that is not root', () => {
  const shifted = [map(7, 100000, 1)];
  const { jail } = planImageServer(
    box({ ...own, uid: shifted, gid: shifted }),
    someHost,
    '/bin/served',
    [],
  );
  expect(jail.inmate).toMatchObject({ uid: 7, gid: 7 });
});

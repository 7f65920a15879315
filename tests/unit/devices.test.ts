import { expect, test } from 'vitest';
import { type FindDevices, parseDevice } from '../../src/spec/devices.ts';
import { problemsOf } from './problems.ts';

const node = { type: 'c', major: 10, minor: 229, fileMode: 0o600, uid: 0, gid: 7 } as const;
const full = { ...node, major: 1, minor: 7 } as const;
const find: FindDevices = (path) => {
  if (path === '/dev/full') return [{ below: '', ...full }];
  if (path === '/no') throw Object.assign(new Error('no'), { code: 'ENOENT' });
  if (path === '/file') return [];
  return path === '/dir'
    ? ['a', 'b/c'].map((below) => ({ below, ...node }))
    : [{ below: '', ...node }];
};

test.each([
  ['/dev/fuse', '/dev/fuse', '/dev/fuse', 'rwm'],
  ['/dev/fuse:r', '/dev/fuse', '/dev/fuse', 'r'],
  ['/dev/fuse:/x', '/dev/fuse', '/x', 'rwm'],
  ['/dev/fuse:/x:wr', '/dev/fuse', '/x', 'wr'],
  ['/dev/../dev/fuse:/dev/./y/', '/dev/fuse', '/dev/y', 'rwm'],
  ['/dev/fuse:/dev/shm/x', '/dev/fuse', '/dev/shm/x', 'rwm'],
  ['/dev/fuse:/dev/null', '/dev/fuse', '/dev/null', 'rwm'],
])('--device %s', (value, source, path, access) => {
  const { type, major, minor } = node;
  expect(parseDevice(value, find)).toEqual([
    { device: { path, source, ...node }, rule: { allow: true, type, major, minor, access } },
  ]);
});

test('a directory stands for all devices in it', () => {
  const paths = (value: string) =>
    parseDevice(value, find).map(({ device }) => [device.source, device.path]);
  expect(paths('/dir')).toEqual([
    ['/dir/a', '/dir/a'],
    ['/dir/b/c', '/dir/b/c'],
  ]);
  expect(paths('/dir:/x:r').map(([, path]) => path)).toEqual(['/x/a', '/x/b/c']);
});

const form = 'not of the form HOST[:BOX][:ACCESS], such as /dev/fuse or /dev/loop0:/dev/disk:r';
const letters = 'r (read), w (write) and m (mknod), each once at most, are known';
const box = 'belongs to the box; any other place is allowed, also below /dev';
test.each([
  ['', form],
  [':/x', form],
  ['/a:/b:r:x', form],
  ['fuse', 'fuse is relative; a device of the host is given by its absolute path'],
  ['/a:b', 'b is relative; a place in the box is an absolute path'],
  ['/a:', ' is relative; a place in the box is an absolute path'],
  ['/a:rr', 'rr is relative; a place in the box is an absolute path'],
  ['/a:/b:', `unknown access "": ${letters}`],
  ['/a:/b:rr', `unknown access "rr": ${letters}`],
  ['/a:/b:x', `unknown access "x": ${letters}`],
  ['/a:r:w', 'r is relative; a place in the box is an absolute path'],
  ['/a:/dev', '/dev belongs to the box; any place but /, /dev, /proc and /sys is allowed'],
  ['/a:/proc/x', '/proc/x belongs to the box; any place but /, /dev, /proc and /sys is allowed'],
  ['/a:/dev/fd', `/dev/fd ${box}`],
  ['/a:/dev/pts/0', `/dev/pts/0 ${box}`],
  ['/a:/x/../dev/shm', `/dev/shm ${box}`],
  ['/dev/full:/x:r', 'every box may read and write /dev/full: leave the access out'],
  ['/dev/full:wm', 'every box may read and write /dev/full: leave the access out'],
  ['/no', '/no: ENOENT: a device must exist on the host, as a node or a directory of nodes'],
  [
    '/file',
    '/file is not a device, nor a directory with one in it; files and directories are for --volume',
  ],
])('--device %j is refused', (value, problem) => {
  expect(problemsOf(() => parseDevice(value, find))).toEqual([`--device ${value}: ${problem}`]);
});

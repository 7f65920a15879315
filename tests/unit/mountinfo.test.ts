import { expect, test } from 'vitest';
import { fileSystemAround, mountAround } from '../../src/linux/mountinfo.ts';

const mountinfo = [
  '26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
  '30 26 0:22 / /home rw,nosuid,nodev,noatime shared:7 master:3 - ext4 /dev/vdb rw',
  '31 30 0:23 / /home/a\\040b ro,noexec,nodiratime master:4 - tmpfs t rw,mode=700',
  '32 31 0:24 / /home/a\\040b/deep rw - tmpfs t rw',
  '33 26 0:25 / /twice rw,nodev - tmpfs t rw',
  '34 33 0:26 / /twice rw,noexec unbindable - tmpfs t rw',
  '',
].join('\n');

const around = (path: string) => mountAround(mountinfo, path);

test.each([
  ['/', '/', [], 'shared', true],
  ['/etc', '/', [], 'shared', false],
  ['/homeless', '/', [], 'shared', false],
  ['/home', '/home', ['NOSUID', 'NODEV', 'NOATIME'], 'shared', true],
  ['/home/other', '/home', ['NOSUID', 'NODEV', 'NOATIME'], 'shared', false],
  ['/home/a b', '/home/a b', ['RDONLY', 'NOEXEC', 'NODIRATIME'], 'slave', true],
  ['/home/a b/file', '/home/a b', ['RDONLY', 'NOEXEC', 'NODIRATIME'], 'slave', false],
  ['/home/a b/deep/er', '/home/a b/deep', [], 'private', false],
  ['/twice/x', '/twice', ['NOEXEC'], 'private', false],
])('%s lies on %s', (path, point, attributes, propagation, nested) => {
  expect(around(path)).toEqual({
    point,
    attributes: attributes.map((name) => `MOUNT_ATTR_${name}`),
    propagation,
    nested,
  });
});

test('without mounts nothing is known', () => {
  expect(mountAround('', '/a')).toBeUndefined();
});

test.each([
  ['/etc', 'ext4', false],
  ['/home/a b/x', 'tmpfs', false],
  ['/m/x', 'xfs', true],
])('%s lies on a file system of type %s, owners mapped: %s', (path, type, idmapped) => {
  const more = `${mountinfo}40 26 0:30 / /m rw,idmapped,relatime - xfs x rw`;
  expect(fileSystemAround(more, path)).toMatchObject({ type, idmapped });
});

import { expect, test } from 'vitest';
import { parseTmpfs, parseVolume } from '../../src/spec/volumes.ts';
import { problemsOf } from './problems.ts';

const standard = 'rbind rprivate rnosuid rnodev rw'.split(' ');

test.each([
  ['/a:/b', '/a', '/b'],
  ['./a:/b', '/here/a', '/b'],
  ['a/../c:/b', '/here/c', '/b'],
  ['.:/b//c/', '/here', '/b/c'],
  ['/a:/b/../c', '/a', '/c'],
  ['/a:/dev/thing', '/a', '/dev/thing'],
  ['/a:/process', '/a', '/process'],
])('--volume %s', (value, source, destination) => {
  expect(parseVolume(value, '/here')).toEqual({
    type: 'bind',
    source,
    destination,
    options: standard,
  });
});

const form = 'not of the form SRC:DST[:OPTION,…], such as ./data:/data:ro';
const root = '/ is the image itself; any path below it is allowed, or use --rootfs DIR';
const place = 'belongs to the box; any place but /, /dev, /proc and /sys is allowed';
test.each([
  ['', form],
  ['/a', form],
  [':/b', form],
  ['/a:/b:ro:x', form],
  ['/a:b', 'b is relative; a place in the box is an absolute path'],
  ['/a:', ' is relative; a place in the box is an absolute path'],
  ['/a:/', root],
  ['/a:/..', root],
  ['/a:/x/..', root],
  ['/a:/proc', `/proc ${place}`],
  ['/a:/proc/self', `/proc/self ${place}`],
  ['/a:/tmp/../sys/', `/sys ${place}`],
  ['/a:/dev', `/dev ${place}`],
])('--volume %j is refused', (value, problem) => {
  expect(problemsOf(() => parseVolume(value, '/here'))).toEqual([`--volume ${value}: ${problem}`]);
});

test.each([
  ['/run', 'nosuid noexec nodev mode=1777'],
  ['/run:ro', 'nosuid noexec nodev mode=1777 ro'],
  ['/run:exec,suid,dev', 'mode=1777'],
  ['/run:size=64m,mode=700', 'nosuid noexec nodev size=64m mode=700'],
  ['/run:size=1k,size=2k', 'nosuid noexec nodev mode=1777 size=2k'],
  ['/run:ro,rw', 'nosuid noexec nodev mode=1777'],
])('--tmpfs %s', (value, options) => {
  expect(parseTmpfs(value)).toEqual({
    type: 'tmpfs',
    source: 'tmpfs',
    destination: '/run',
    options: options.split(' '),
  });
});

const known =
  'ro, rw, noexec, exec, nosuid, suid, nodev, dev, noatime, relatime, strictatime, nodiratime, size=, mode=, uid=, gid=, nr_inodes= and nr_blocks= are known';
test.each([
  ['', ' is relative; a place in the box is an absolute path'],
  ['run', 'run is relative; a place in the box is an absolute path'],
  ['/', root],
  ['/sys/fs', `/sys/fs ${place}`],
  ['/run:', `unknown option "": ${known}`],
  ['/run:huge=always', `unknown option "huge=always": ${known}`],
  ['/run:size=', `unknown option "size=": ${known}`],
  ['/run:mode=9', `unknown option "mode=9": ${known}`],
])('--tmpfs %j is refused', (value, problem) => {
  expect(problemsOf(() => parseTmpfs(value))).toEqual([`--tmpfs ${value}: ${problem}`]);
});

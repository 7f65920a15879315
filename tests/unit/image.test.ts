import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dataDirectory, findImage, findRootfs, listImages } from '../../src/image/image.ts';

const top = realpathSync(mkdtempSync(join(tmpdir(), 'tsbox-image-')));
const one = join(top, 'images/one');
mkdirSync(join(one, 'etc'), { recursive: true });
mkdirSync(join(top, 'images/two.1'));
mkdirSync(join(top, 'images/.new'));
afterAll(() => {
  rmSync(top, { recursive: true });
});

test.each([
  [{}, 0, '/var/lib/tsbox'],
  [{ HOME: '/home/u', XDG_DATA_HOME: '/data' }, 0, '/var/lib/tsbox'],
  [{ HOME: '/home/u' }, 1000, '/home/u/.local/share/tsbox'],
  [{ HOME: '/home/u', XDG_DATA_HOME: '/data' }, 1000, '/data/tsbox'],
  [{ HOME: '/home/u', XDG_DATA_HOME: 'data' }, 1000, '/home/u/.local/share/tsbox'],
  [{ TSBOX_DATA: '/t' }, 0, '/t'],
])('data directory of %j, uid %d', (env, uid, directory) => {
  expect(dataDirectory(env, uid)).toBe(directory);
});

test.each([
  ['one', '/', one],
  ['./one', join(top, 'images'), one],
  ['images/one', top, one],
  [one, '/', one],
  ['.', one, one],
])('image %s seen from %s', (word, cwd, found) => {
  expect(findImage(word, top, cwd)).toBe(found);
});

test('images are listed by name, without what is not finished', () => {
  expect(listImages(top)).toEqual(['one', 'two.1']);
  expect(listImages('/nonexistent')).toEqual([]);
});

test.each([
  [
    () => findImage('three', top, '/'),
    `no image three: images in ${top}/images: one, two.1; \`npm run setup\` builds busybox there, and a directory can be given as ./DIR`,
  ],
  [
    () => findImage('x', '/nonexistent', '/'),
    'no image x: images in /nonexistent/images: none yet; `npm run setup` builds busybox there, and a directory can be given as ./DIR',
  ],
  [
    () => findImage('One', top, '/'),
    'image "One": not a name: lower-case letters, digits, dots, hyphens and underscores are allowed; a directory needs a slash, as in ./One',
  ],
  [() => findRootfs('', top), '--rootfs: no directory is named'],
  [
    () => findRootfs('no', top),
    `no root file system no: ${top}/no is not a directory that you can read`,
  ],
])('%s', (act, message) => {
  expect(act).toThrow(message);
});

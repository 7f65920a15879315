/** What is read of an image, which is hostile: never what lies outside of it, and without waiting. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDescriptors, tsbox } from './library.ts';

const entry = 'me:x:1:1::/:';

/** An image with /etc/real, of which `passwd` is made by `make`. */
function passwdOf(make: (passwd: string) => void): string {
  const rootfs = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  onTestFinished(() => rmSync(rootfs, { recursive: true }));
  mkdirSync(join(rootfs, 'etc'));
  writeFileSync(join(rootfs, 'etc/real'), entry);
  make(join(rootfs, 'etc/passwd'));
  const before = openDescriptors();
  const facts = tsbox.imageFacts(rootfs);
  expect(openDescriptors()).toBe(before);
  expect(facts).toMatchObject({ rootfs, group: '' });
  return facts.passwd;
}

test.each(['real', '/etc/real', '../../../etc/real', '../../../../../../../etc/real'])(
  'a link to %s stays in the image',
  (target) => {
    expect(passwdOf((passwd) => symlinkSync(target, passwd))).toBe(entry);
  },
);

test.each<[string, (passwd: string) => void]>([
  ['nothing', () => undefined],
  ['a link to a file of the host', (passwd) => symlinkSync('/etc/group', passwd)],
  ['a link to a descriptor', (passwd) => symlinkSync('/proc/self/fd/0', passwd)],
  ['a link to itself', (passwd) => symlinkSync('passwd', passwd)],
  ['a directory', (passwd) => mkdirSync(passwd)],
  ['a FIFO', (passwd) => execFileSync('mkfifo', [passwd])],
  ['a device', (passwd) => execFileSync('mknod', [passwd, 'c', '1', '5'])],
  [
    'a file that is too large',
    (passwd) => {
      writeFileSync(passwd, entry);
      truncateSync(passwd, 4 * 2 ** 20 + 1);
    },
  ],
])('%s gives no users', (_, make) => {
  expect(passwdOf(make)).toBe('');
});

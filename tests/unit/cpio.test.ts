/** The archive that is made is the one that cpio(1) reads. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CpioEntry, cpioArchive, directoryEntry, fileEntry } from '../../src/vm/cpio.ts';

const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
const cpio = (archive: Buffer, cwd: string, ...flags: string[]) =>
  execFileSync('cpio', ['--quiet', ...flags], { input: archive, cwd, env }).toString();

const archive = (entries: readonly CpioEntry[]) => Buffer.concat(cpioArchive(entries));

/** The names in the archive, in its order. */
const list = (entries: readonly CpioEntry[]) =>
  cpio(archive(entries), '/', '--list').split('\n').slice(0, -1);

/** What stands at each entry's name once the archive is unpacked. */
function unpacked(entries: readonly CpioEntry[]): CpioEntry[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsbox-cpio-'));
  try {
    cpio(archive(entries), directory, '--extract');
    return entries.map(({ name }) => {
      const path = join(directory, name);
      const { mode } = statSync(path);
      const file = (mode & 0o170000) === 0o100000;
      return { name, mode, content: new Uint8Array(file ? readFileSync(path) : []) };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const content = (text: string) => new TextEncoder().encode(text);

test('names are listed in their order', () => {
  const entries = [directoryEntry('b'), fileEntry('b/a', content('x')), directoryEntry('a')];
  expect(list(entries)).toEqual(['b', 'b/a', 'a']);
  expect(list([])).toEqual([]);
});

test('directories and files have their kinds and permissions', () => {
  expect(
    unpacked([
      directoryEntry('d'),
      fileEntry('f', content('')),
      fileEntry('x', content('#!'), 0o755),
    ]),
  ).toEqual([
    { name: 'd', mode: 0o040755, content: content('') },
    { name: 'f', mode: 0o100644, content: content('') },
    { name: 'x', mode: 0o100755, content: content('#!') },
  ]);
});

test('everything belongs to root and has no time of its own', () => {
  const lines = cpio(
    archive([fileEntry('f', content(''))]),
    '/',
    '--list',
    '--verbose',
    '--numeric-uid-gid',
  );
  expect(lines).toMatch(/^-rw-r--r-- +1 0 +0 +0 .* 1970 f$/m);
});

test('a large file is whole', () => {
  const large = new Uint8Array(5_000_001).map((_, index) => index % 251);
  const [found] = unpacked([fileEntry('large', large)]);
  expect(Buffer.compare(found?.content as Uint8Array, large)).toBe(0);
});

const name = fc.stringMatching(/^[A-Za-z0-9._ -]{1,40}$/).filter((word) => !/^\.{1,2}$/.test(word));
const file = fc.record({
  name,
  mode: fc.constantFrom(0o400, 0o644, 0o755, 0o600),
  content: fc.uint8Array({ maxLength: 300 }),
});
const directory = fc.record({
  name,
  files: fc.uniqueArray(file, { selector: (each) => each.name }),
});
const tree = fc.uniqueArray(directory, { selector: (each) => each.name, maxLength: 8 });

test('whatever the lengths of names and files, all of them are read back', () => {
  fc.assert(
    fc.property(tree, (directories) => {
      const entries = directories.flatMap((top) => [
        directoryEntry(top.name),
        ...top.files.map((each) => fileEntry(`${top.name}/${each.name}`, each.content, each.mode)),
      ]);
      expect(list(entries)).toEqual(entries.map((entry) => entry.name));
      expect(unpacked(entries)).toEqual(entries);
    }),
    { numRuns: 20 },
  );
});

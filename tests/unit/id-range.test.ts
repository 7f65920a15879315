import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idRanges, parseSubordinateIds } from '../../src/spec/id-range.ts';

const first = (subuid: string, subgid = subuid) => [...take(3, idRanges({ subuid, subgid }))];

function* take<T>(count: number, from: Iterable<T>): Generator<T> {
  for (const each of from) {
    if (count-- === 0) return;
    yield each;
  }
}

test.each<[string, number[]]>([
  ['', [524288, 589824, 655360]],
  // What others have is passed over.
  ['root:100000:65536', [524288, 589824, 655360]],
  ['alice:524288:65536', [589824, 655360, 720896]],
  ['alice:524289:1\nbob:655360:1000', [589824, 720896, 786432]],
  // What is set aside comes first, and nothing else then.
  ['tsbox:200000:65536', [200000]],
  ['tsbox:200000:131072', [200000, 265536]],
  ['tsbox:200000:65536\ntsbox:230000:65536\ntsbox:265536:65536', [200000, 265536]],
  ['containers:200000:65536\ntsbox:300000:65536\n', [300000]],
  // Podman gives from that.
  ['containers:524288:65536', [589824, 655360, 720896]],
  ['tsbox:300000:1000\ntsbox:400000:65536', [400000]],
  ['tsbox:300000:1000\ncontainers:200000:100000', []],
  // Lines that are not whole, or that would make root of a box that of the host, are none.
  ['tsbox:0:65536', [524288, 589824, 655360]],
  ['tsbox:4294967294:65536', [524288, 589824, 655360]],
  ['tsbox:-1:65536\ntsbox:1e5:65536\ntsbox', [524288, 589824, 655360]],
])('%j', (text, starts) => {
  expect(first(text)).toEqual(starts);
});

test('what is set aside must be so for users and for groups', () => {
  expect(first('tsbox:300000:131072', 'tsbox:365536:65536')).toEqual([365536]);
  expect(first('tsbox:300000:65536', '')).toEqual([]);
});

const line = fc
  .tuple(
    fc.constantFrom('alice', 'tsbox', 'containers'),
    fc.integer({ min: 1, max: 2 ** 21 }),
    fc.integer({ min: 1, max: 2 ** 18 }),
  )
  .map((fields) => fields.join(':'));

test('no range touches what is another’s, and no two of them touch', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const text = lines.join('\n');
      const ranges = parseSubordinateIds(text);
      const mine = ranges.find(({ owner }) => owner === 'tsbox')?.owner;
      const starts = first(text);
      for (const start of starts) {
        const inside = (range: (typeof ranges)[number]) =>
          start >= range.start && start + 65536 <= range.start + range.count;
        const touching = ranges.filter(
          (range) => start < range.start + range.count && range.start < start + 65536,
        );
        if (mine === undefined) expect(touching).toEqual([]);
        else expect(touching.some((range) => range.owner === mine && inside(range))).toBe(true);
        expect(starts.filter((other) => Math.abs(other - start) < 65536)).toEqual([start]);
      }
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idRanges, jailId, parseSubordinateIds } from '../../src/spec/id-range.ts';

const first = (subuid: string, subgid = subuid) => [...take(3, idRanges({ subuid, subgid }))];

function* take<T>(count: number, from: Iterable<T>): Generator<T> {
  for (const each of from) {
    if (count-- === 0) return;
    yield each;
  }
}

test.each<[string, number[]]>([
  ['', [2000224256, 2000289792, 2000355328]],
  // What others have is passed over.
  ['root:100000:65536', [2000224256, 2000289792, 2000355328]],
  ['alice:2000224256:65536', [2000289792, 2000355328, 2000420864]],
  ['alice:2000224257:1\nbob:2000355328:1000', [2000289792, 2000420864, 2000486400]],
  // What is set aside comes first, and nothing else then.
  ['tsbox:200000:65536', [200000]],
  ['tsbox:200000:131072', [200000, 265536]],
  ['tsbox:200000:65536\ntsbox:230000:65536\ntsbox:265536:65536', [200000, 265536]],
  ['containers:200000:65536\ntsbox:300000:65536\n', [300000]],
  // Podman gives from that.
  ['containers:2000224256:65536', [2000289792, 2000355328, 2000420864]],
  ['tsbox:300000:1000\ntsbox:400000:65536', [400000]],
  ['tsbox:300000:1000\ncontainers:200000:100000', []],
  // Lines that are not whole, or that would make root of a box that of the host, are none.
  ['tsbox:0:65536', [2000224256, 2000289792, 2000355328]],
  ['tsbox:4294967294:65536', [2000224256, 2000289792, 2000355328]],
  ['tsbox:-1:65536\ntsbox:1e5:65536\ntsbox', [2000224256, 2000289792, 2000355328]],
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

const none = { subuid: '', subgid: '' };

/** First and last ids, as those document them who give them away without a line in /etc/subuid. */
test.each([
  ['people and services of this host', 1, 65_535],
  ['the kubelet, for pods', 65_536, 65_536 * 111 - 1],
  ['SSSD and FreeIPA, for people of a domain', 200_000, 2_000_200_000],
  ['Incus and LXD', 1_000_000, 1_001_000_000],
  ['authd', 1_000_000_000, 1_999_999_999],
  ['systemd, for containers', 524_288, 1_879_048_191],
  ['systemd, for images of others', 2_147_352_576, 2_147_418_111],
  ['FreeIPA, as subordinate ids, and ids that are negative to some', 2 ** 31, 2 ** 32 - 1],
])('ids of %s stand behind no box', (_, start, end) => {
  const touch = (first: number, last: number) => first <= end && start <= last;
  const starts = [...idRanges(none)];
  expect(starts.length).toBeGreaterThan(1000);
  expect(starts.filter((first) => touch(first, first + 65_535))).toEqual([]);
  for (const box of ['000000000000', '800000000000', 'ffffffffffff'])
    expect(touch(jailId(box), jailId(box))).toBe(false);
});

test('the id of a jail is in no range of a container', () => {
  const starts = [...idRanges(none)];
  const box = fc.stringMatching(/^[0-9a-f]{12}$/);
  fc.assert(
    fc.property(box, (id) => {
      expect(starts.some((start) => start <= jailId(id) && jailId(id) < start + 65_536)).toBe(
        false,
      );
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CallerIds, plainRoot } from '../../src/spec/caller-ids.ts';
import { isMapped, parseIdMap, through } from '../../src/spec/id-map-words.ts';
import { idMaps } from '../../src/spec/id-maps.ts';
import type { IdMapping } from '../../src/spec/spec.ts';
import { problemsOf } from './problems.ts';

const single: CallerIds = { ...plainRoot, kind: 'user', uid: 1000, gid: 100, name: 'alice' };
const ranged: CallerIds = {
  ...single,
  subuid: 'bob:1:5\nalice:100000:65536\n1000:200000:10',
  subgid: 'alice:300000:65536',
  mapPrograms: { uid: '/usr/bin/newuidmap', gid: '/usr/bin/newgidmap' },
};
const nested: CallerIds = {
  ...plainRoot,
  kind: 'nested root',
  available: { uid: [map(0, 0, 1000)], gid: [map(0, 0, 500)] },
};

function map(containerID: number, hostID: number, size: number): IdMapping {
  return { containerID, hostID, size };
}

type Words = Partial<Parameters<typeof idMaps>[0]>;

const ids = (words: Words, caller: CallerIds) =>
  idMaps({ uidmap: [], gidmap: [], ...words }, caller);

test.each<[string, Words, CallerIds, Partial<ReturnType<typeof idMaps>>]>([
  ['root', {}, plainRoot, { own: 'preferred', uid: [], asked: false }],
  ['root', { userns: 'auto' }, plainRoot, { own: 'required', asked: true }],
  ['root', { userns: 'host' }, plainRoot, { own: 'no', uid: [], asked: false }],
  ['nested root', {}, nested, { own: 'no', uid: [map(0, 0, 1000)], gid: [map(0, 0, 500)] }],
  ['nested root', { userns: 'host' }, nested, { own: 'no', uid: [] }],
  ['a user', {}, single, { uid: [map(0, 1000, 1)], gid: [map(0, 100, 1)], asked: false }],
  ['a user', { userns: 'host' }, single, { uid: [map(0, 1000, 1)], gid: [map(0, 100, 1)] }],
  [
    'a user with subordinate ids',
    {},
    ranged,
    {
      uid: [map(0, 1000, 1), map(1, 100000, 65536), map(65537, 200000, 10)],
      gid: [map(0, 100, 1), map(1, 300000, 65536)],
    },
  ],
  [
    'a user without newuidmap',
    {},
    { ...ranged, mapPrograms: undefined },
    { uid: [map(0, 1000, 1)] },
  ],
  ['a user without a name', {}, { ...ranged, name: undefined }, { uid: [map(0, 1000, 1)] }],
  ['a user without subgid', {}, { ...ranged, subgid: '' }, { uid: [map(0, 1000, 1)] }],
  [
    'a user',
    { userns: 'keep-id' },
    single,
    { uid: [map(1000, 1000, 1)], gid: [map(100, 100, 1)], user: '1000:100', asked: true },
  ],
  [
    'a user with subordinate ids',
    { userns: 'keep-id:uid=5,gid=0' },
    ranged,
    {
      uid: [map(0, 100000, 5), map(5, 1000, 1), map(6, 100005, 65531), map(65537, 200000, 10)],
      gid: [map(0, 100, 1), map(1, 300000, 65536)],
      user: '5:0',
    },
  ],
  [
    'a user with subordinate ids',
    { userns: 'nomap' },
    ranged,
    { uid: [map(0, 100000, 65536), map(65536, 200000, 10)], gid: [map(0, 300000, 65536)] },
  ],
  [
    'root',
    { uidmap: ['0:5000:10', '10:7000'] },
    plainRoot,
    {
      own: 'no',
      uid: [map(0, 5000, 10), map(10, 7000, 1)],
      gid: [map(0, 5000, 10), map(10, 7000, 1)],
    },
  ],
  // The second number counts in one's own ids: 0 is oneself, those after it are the subordinate ones.
  [
    'a user with subordinate ids',
    { uidmap: ['0:1:10', '10:0:1'], gidmap: ['0:0:1'] },
    ranged,
    { uid: [map(0, 100000, 10), map(10, 1000, 1)], gid: [map(0, 100, 1)] },
  ],
  ['nested root', { uidmap: ['0:10:5'] }, nested, { uid: [map(0, 10, 5)], gid: [map(0, 10, 5)] }],
])('%s, %j', (_, words, caller, expected) => {
  expect(ids(words, caller)).toMatchObject(expected);
});

test.each<[Words, CallerIds, string]>([
  [{ userns: 'private' }, plainRoot, '--userns private: unknown mode; auto'],
  [{ userns: 'auto:size=1' }, plainRoot, '--userns auto:size=1: auto gives each box 65536 ids'],
  [{ userns: 'container:a' }, plainRoot, '--userns container:a: tsbox makes the user namespace'],
  [{ userns: 'ns:/a' }, plainRoot, '--userns ns:/a: tsbox makes the user namespace'],
  [{ userns: 'auto' }, single, '--userns auto: only root has ids to give to each box'],
  [{ userns: 'keep-id' }, plainRoot, '--userns keep-id: for users other than root'],
  [{ userns: 'keep-id:size=1' }, single, '--userns keep-id:size=1: "size=1" is not understood'],
  [{ userns: 'keep-id:uid=-1' }, single, '--userns keep-id:uid=-1: "uid=-1" is not understood'],
  [
    { userns: 'nomap' },
    single,
    '--userns nomap: there are no other ids than your own: /etc/subuid',
  ],
  [
    { userns: 'nomap' },
    { ...ranged, mapPrograms: undefined },
    'newuidmap and newgidmap, which map them, are in no directory of PATH',
  ],
  [{ userns: 'nomap' }, { ...ranged, name: undefined, subgid: ranged.subuid }, 'such as 1000'],
  [{ userns: 'auto', uidmap: ['0:1:1'] }, plainRoot, '--userns auto: not together with --uidmap'],
  [{ uidmap: ['0:1'], gidmap: ['0'] }, plainRoot, '--gidmap 0: not of the form'],
  [{ uidmap: ['0:1:0'] }, plainRoot, '--uidmap 0:1:0: not of the form'],
  [{ uidmap: ['0:1:4294967295'] }, plainRoot, '--uidmap 0:1:4294967295: not of the form'],
  [{ uidmap: ['4294967294:1:2'] }, plainRoot, 'ends above 4294967294'],
  [{ uidmap: ['0:10:5', '4:20:5'] }, plainRoot, '--uidmap: two ranges share id 4 of the box'],
  [{ uidmap: ['0:10:5', '5:14:5'] }, plainRoot, '--uidmap: two ranges share id 14 behind it'],
  [{ uidmap: ['0:0:2'] }, single, '0:0:2: there are not so many ids'],
  [{ uidmap: ['0:999:2'] }, nested, 'this user namespace has no more of them'],
])('%j is refused', (words, caller, message) => {
  expect(problemsOf(() => ids(words, caller)).join('\n')).toContain(message);
});

test('340 ranges are the most that the kernel takes', () => {
  const words = Array.from({ length: 341 }, (_, index) => `${index}:${index}:1`);
  expect(parseIdMap('--uidmap', words.slice(1))).toHaveLength(340);
  expect(problemsOf(() => parseIdMap('--uidmap', words))).toEqual([
    '--uidmap: 341 ranges; the kernel takes 340 at most',
  ]);
});

/** Ranges one after the other, with gaps between them. */
const someMap = fc
  .array(fc.tuple(fc.nat(5), fc.nat(5), fc.integer({ min: 1, max: 8 })), {
    minLength: 1,
    maxLength: 5,
  })
  .map((pieces) => {
    let [inside, outside] = [0, 100];
    return pieces.map(([gap, other, size]) => {
      const range = map(inside + gap, outside + other, size);
      inside = range.containerID + size;
      outside = range.hostID + size;
      return range;
    });
  });

/** The model: one id at a time. */
function behind(id: number, maps: readonly IdMapping[]): number | undefined {
  const range = maps.find((one) => id >= one.containerID && id < one.containerID + one.size);
  return range === undefined ? undefined : range.hostID + id - range.containerID;
}

test('a map through another one leads where both lead one after the other', () => {
  fc.assert(
    fc.property(
      someMap,
      fc.nat(40),
      fc.nat(20),
      fc.integer({ min: 1, max: 20 }),
      (outer, at, inner, size) => {
        const piece = map(at, inner, size);
        const result = through(piece, outer);
        const every = Array.from({ length: size }, (_, offset) => behind(inner + offset, outer));
        if (result === undefined) expect(every).toContain(undefined);
        else
          expect(every).toEqual(
            Array.from({ length: size }, (_, offset) => behind(at + offset, result)),
          );
      },
    ),
  );
});

test('an id is mapped when there is one behind it', () => {
  fc.assert(
    fc.property(someMap, fc.nat(60), (maps, id) => {
      expect(isMapped(maps, id)).toBe(behind(id, maps) !== undefined);
    }),
  );
});

const caller = fc
  .record({
    uid: fc.integer({ min: 1, max: 5000 }),
    starts: fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
    count: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ uid, starts, count }): CallerIds => {
    const text = starts.map((start) => `alice:${start * 10000}:${count}`).join('\n');
    return { ...ranged, uid, gid: uid, subuid: text, subgid: text };
  });

test('keep-id: the own id stands for itself, every other of the box for a subordinate one, none twice', () => {
  fc.assert(
    fc.property(caller, fc.nat(3000), (who, wanted) => {
      const { uid } = ids({ userns: `keep-id:uid=${wanted},gid=0` }, who);
      expect(behind(wanted, uid)).toBe(who.uid);
      const hosts = uid.flatMap(({ hostID, size }) =>
        Array.from({ length: size }, (_, offset) => hostID + offset),
      );
      expect(new Set(hosts).size).toBe(hosts.length);
      expect(() =>
        parseIdMap(
          'm',
          uid.map((each) => Object.values(each).join(':')),
        ),
      ).not.toThrow();
      const all = ids({}, who).uid.reduce((sum, { size }) => sum + size, 0);
      expect(hosts).toHaveLength(all);
    }),
  );
});

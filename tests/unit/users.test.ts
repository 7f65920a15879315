import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findUser, MAX_ID, parseId } from '../../src/spec/users.ts';
import { problemsOf } from './problems.ts';

const passwd = `root:x:0:0:root:/root:/bin/sh
user:x:1000:1000:user:/home/user:/bin/sh
1001:x:0:0:named by digits:/root:/bin/sh
broken:x:abc:0::/:
relative:x:7:7::home:
`;
const group = `root:x:0:
wheel:x:10:root,user
users:x:100:user
twice:x:100:user
broken:x::user
`;
const find = (value: string) => findUser(value, passwd, group);

test.each([
  ['root', { uid: 0, gid: 0, additionalGids: [10], home: '/root' }],
  ['0', { uid: 0, gid: 0, additionalGids: [10], home: '/root' }],
  ['user', { uid: 1000, gid: 1000, additionalGids: [10, 100], home: '/home/user' }],
  ['1000', { uid: 1000, gid: 1000, additionalGids: [10, 100], home: '/home/user' }],
  ['user:users', { uid: 1000, gid: 100, additionalGids: [], home: '/home/user' }],
  ['user:7', { uid: 1000, gid: 7, additionalGids: [], home: '/home/user' }],
  ['5000', { uid: 5000, gid: 0, additionalGids: [], home: '/' }],
  ['5000:wheel', { uid: 5000, gid: 10, additionalGids: [], home: '/' }],
  ['1001', { uid: 1001, gid: 0, additionalGids: [], home: '/' }],
  ['relative', { uid: 7, gid: 7, additionalGids: [], home: '/' }],
  ['4294967294', { uid: MAX_ID, gid: 0, additionalGids: [], home: '/' }],
])('--user %s', (value, found) => {
  expect(find(value)).toEqual(found);
});

const form = 'not of the form NAME|UID[:GROUP|GID], such as 1000, nobody or 1000:100';
const ids = 'whole numbers from 0 to 4294967294 without leading zeros are';
test.each([
  ['', form],
  [':', form],
  ['root:', form],
  [':0', form],
  ['a:b:c', form],
  ['4294967295', `4294967295 is not an id: ${ids}`],
  ['00', `00 is not an id: ${ids}`],
  ['0:010', `010 is not an id: ${ids}`],
  ['99999999999999999999', `99999999999999999999 is not an id: ${ids}`],
  [
    'nosuch',
    'the image\'s /etc/passwd has no user "nosuch"; it has root, user, 1001, relative; an id works without an entry',
  ],
  [
    'broken',
    'the image\'s /etc/passwd has no user "broken"; it has root, user, 1001, relative; an id works without an entry',
  ],
  [
    '0:nosuch',
    'the image\'s /etc/group has no group "nosuch"; it has root, wheel, users, twice; an id works without an entry',
  ],
  [
    '-1',
    'the image\'s /etc/passwd has no user "-1"; it has root, user, 1001, relative; an id works without an entry',
  ],
])('--user %j is refused', (value, problem) => {
  expect(problemsOf(() => find(value))).toEqual([`--user ${value}: ${problem}`]);
});

test('an image without users says so', () => {
  expect(problemsOf(() => findUser('me', '', ''))).toEqual([
    '--user me: the image\'s /etc/passwd has no user "me"; it has none; an id works without an entry',
  ]);
});

test('every id is itself, whatever the image says', () => {
  fc.assert(
    fc.property(
      fc.nat(MAX_ID),
      fc.nat(MAX_ID),
      fc.string(),
      fc.string(),
      (uid, gid, users, groups) => {
        const found = findUser(`${uid}:${gid}`, users, groups);
        expect([found.uid, found.gid, found.additionalGids]).toEqual([uid, gid, []]);
      },
    ),
  );
});

test('whatever the word, the answer is a refusal or ids that the kernel takes', () => {
  const word = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9a-fx:]{1,24}$/));
  fc.assert(
    fc.property(word, fc.string(), fc.string(), (value, users, groups) => {
      const refused: string[] = [];
      const found = problemsOf(() => {
        const { uid, gid, additionalGids } = findUser(value, users, groups);
        for (const id of [uid, gid, ...additionalGids])
          if (!Number.isInteger(id) || id < 0 || id > MAX_ID) refused.push(String(id));
      });
      expect(refused).toEqual([]);
      expect(found.length).toBeLessThanOrEqual(1);
    }),
  );
});

test('nobody becomes root by accident: uid 0 is that of a word that says so', () => {
  // Such as a number that wraps around, or junk that reads as 0 (crun, CVE-2026-30892).
  const junk = fc.stringMatching(/^[-+0-9a-fox.,_ \t\0]{1,24}$/);
  const wraps = fc.bigInt(1n, 1n << 70n).map((number) => String(number << 32n));
  fc.assert(
    fc.property(fc.oneof(junk, wraps, fc.string()), fc.boolean(), (who, withGroup) => {
      const ids: number[] = [];
      problemsOf(() => {
        const { uid, gid } = find(withGroup ? `1000:${who}` : who);
        ids.push(withGroup ? gid : uid);
      });
      const named = ['0', 'root'].includes(who.split(':')[0] ?? '');
      if (ids.includes(0)) expect(named).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('an id reads back as it was written', () => {
  fc.assert(fc.property(fc.nat(MAX_ID), (id) => parseId(String(id)) === id));
  fc.assert(
    fc.property(fc.string(), (text) => [undefined, text].includes(parseId(text)?.toString())),
  );
});

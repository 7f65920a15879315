/** The options of `--volume` against what podman-run(1) and the OCI runtime specification say of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attributesOf, propagationOf, reachOf } from '../../src/plan/mount-words.ts';
import { volumeOptions } from '../../src/spec/volume-options.ts';
import { problemsOf } from './problems.ts';

const options = (words: string) => volumeOptions('-v', words === '' ? [] : words.split(','));

test.each([
  ['', 'rbind rprivate rnosuid rnodev rw'],
  ['rw', 'rbind rprivate rnosuid rnodev rw'],
  ['ro', 'rbind rprivate rnosuid rnodev rro'],
  ['rro', 'rbind rprivate rnosuid rnodev rro'],
  ['bind,ro', 'bind rprivate nosuid nodev ro'],
  ['suid,dev,exec,rw', 'rbind rprivate rw'],
  ['noexec,noatime,nodiratime', 'rbind rprivate rnosuid rnodev rnoexec rw rnoatime rnodiratime'],
  ['relatime', 'rbind rprivate rnosuid rnodev rw rrelatime'],
  ['diratime,strictatime,bind', 'bind rprivate nosuid nodev rw strictatime'],
  ['rshared', 'rbind rshared rnosuid rnodev rw'],
  ['slave,idmap', 'rbind slave rnosuid rnodev rw idmap'],
  ['ro,ro', 'rbind rprivate rnosuid rnodev rro'],
])('%j is %j', (words, expected) => {
  expect(options(words).join(' ')).toBe(expected);
});

const contradict = (words: string) =>
  `-v: ${words} contradict each other; give one of them or none`;
test.each([
  ['ro,rw', [contradict('rw and ro')]],
  ['ro,rro', [contradict('ro and rro')]],
  ['suid,nosuid,dev,nodev', [contradict('nosuid and suid'), contradict('nodev and dev')]],
  ['rslave,private,rshared', [contradict('private and rslave and rshared')]],
  ['bind,rbind', [contradict('rbind and bind')]],
  ['z', [expect.stringMatching(/^-v: z: .*SELinux.*chcon/)]],
  ['Z', [expect.stringMatching(/^-v: Z: .*SELinux/)]],
  ['U', [expect.stringMatching(/^-v: U: .*owner.*idmap/)]],
  ['O', [expect.stringMatching(/^-v: O: .*no layer/)]],
  [
    'copy,nocopy',
    [expect.stringMatching(/^-v: copy: .*named/), expect.stringMatching(/: nocopy: /)],
  ],
  ['idmap=uids=0-1-10', [expect.stringMatching(/write idmap alone$/)]],
  ['', undefined],
  ['ro,', [expect.stringMatching(/^-v: unknown option "": rbind, bind, .* idmap are known$/)]],
  ['constructor', [expect.stringMatching(/^-v: unknown option "constructor"/)]],
  ['RO', [expect.stringMatching(/^-v: unknown option "RO"/)]],
])('%j is refused', (words, problems) => {
  if (problems !== undefined) expect(problemsOf(() => options(words))).toEqual(problems);
  else expect(options(words)).toHaveLength(5);
});

describe('every combination', () => {
  /** In podman's words: of each list at most one can be given, and the first is what none means. */
  const lists = {
    bind: ['rbind', 'bind'],
    propagation: [
      'rprivate',
      'private',
      'rslave',
      'slave',
      'rshared',
      'shared',
      'runbindable',
      'unbindable',
    ],
    suid: ['nosuid', 'suid'],
    dev: ['nodev', 'dev'],
    exec: ['exec', 'noexec'],
    write: ['rw', 'ro', 'rro'],
    time: [undefined, 'relatime', 'noatime', 'strictatime'],
    directories: ['diratime', 'nodiratime'],
    ids: [undefined, 'idmap'],
  } as const;
  const all = Object.values(lists)
    .flat()
    .filter((word) => word !== undefined);

  const meant = fc.record(
    Object.fromEntries(
      Object.entries(lists).map(([name, words]) => [name, fc.constantFrom(undefined, ...words)]),
    ),
  ) as fc.Arbitrary<Record<keyof typeof lists, string | undefined>>;

  /** The attributes and what they reach, as the kernel will be asked for them. */
  const kernelWords = (words: readonly string[]) => {
    const mount = { options: volumeOptions('-v', words) };
    return {
      reach: reachOf(mount),
      recursive: new Set<string>(attributesOf(mount, 'recursive')),
      own: new Set<string>(attributesOf(mount, 'this mount')),
      propagation: propagationOf(mount),
      idmap: mount.options.includes('idmap'),
    };
  };

  test('without contradictions means what its words say, in any order', () => {
    fc.assert(
      fc.property(
        meant,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (choice, order) => {
          const words = Object.values(choice)
            .filter((word) => word !== undefined)
            .map((word) => ({ word, rank: order.next().value as number }))
            .toSorted((one, other) => one.rank - other.rank)
            .map(({ word }) => word);
          const expected = new Set([
            ...(choice.suid === 'suid' ? [] : ['MOUNT_ATTR_NOSUID']),
            ...(choice.dev === 'dev' ? [] : ['MOUNT_ATTR_NODEV']),
            ...(choice.exec === 'noexec' ? ['MOUNT_ATTR_NOEXEC'] : []),
            ...(choice.write === 'ro' || choice.write === 'rro' ? ['MOUNT_ATTR_RDONLY'] : []),
            ...(choice.time ? [`MOUNT_ATTR_${choice.time.toUpperCase()}`] : []),
            ...(choice.directories === 'nodiratime' ? ['MOUNT_ATTR_NODIRATIME'] : []),
          ]);
          const below = choice.bind !== 'bind';
          const explicit = !below && choice.write === 'rro' ? ['MOUNT_ATTR_RDONLY'] : [];
          const how = choice.propagation ?? 'rprivate';
          expect(kernelWords(words)).toEqual({
            reach: below ? 'recursive' : 'this mount',
            recursive: below ? expected : new Set(explicit),
            own: below
              ? new Set()
              : new Set([...expected].filter((word) => !explicit.includes(word))),
            propagation: {
              value: `MS_${how.replace(/^r/, '').toUpperCase()}`,
              reach: how.startsWith('r') ? 'recursive' : 'this mount',
            },
            idmap: choice.ids === 'idmap',
          });
        },
      ),
    );
  });

  test('of known words is either carried out or refused for its contradictions', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { maxLength: 6 }), (words) => {
        const clashes = Object.values(lists).filter(
          (list) =>
            new Set(words.filter((word) => (list as readonly unknown[]).includes(word))).size > 1,
        );
        expect(problemsOf(() => volumeOptions('-v', words))).toHaveLength(clashes.length);
      }),
    );
  });

  test('with an unknown word is refused by its name', () => {
    const unknown = fc.string().filter((word) => !(all as readonly string[]).includes(word));
    fc.assert(
      fc.property(fc.subarray([...all].slice(0, 1)), unknown, (words, word) => {
        const problems = problemsOf(() => volumeOptions('-v', [...words, word]));
        expect(problems).toHaveLength(1);
        expect(problems[0]).toMatch(/^-v: /);
      }),
    );
  });
});

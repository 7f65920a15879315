/** `--cap-add` and `--cap-drop` against podman's rules. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { capabilityNames } from '../../src/abi/capabilities.ts';
import { capabilitiesFor, defaultCapabilities } from '../../src/spec/capabilities.ts';
import { problemsOf } from './problems.ts';

const sets = (
  capAdd: string[],
  capDrop: string[],
  uid = 0,
  available: readonly string[] = capabilityNames,
) => capabilitiesFor(uid, { capAdd, capDrop }, available);

test.each<[string[], string[], string[]]>([
  [[], [], [...defaultCapabilities]],
  [['SYS_TIME'], ['ALL'], ['CAP_SYS_TIME']],
  [['cap_sys_time,Sys_Nice'], ['all'], ['CAP_SYS_TIME', 'CAP_SYS_NICE']],
  [['CHOWN'], [], [...defaultCapabilities]],
  [[], ['SYS_TIME'], [...defaultCapabilities]],
  [[], ['ALL'], []],
  [[], [defaultCapabilities.slice(1).join(',')], ['CAP_CHOWN']],
])('add %j, drop %j', (add, drop, expected) => {
  expect(sets(add, drop).bounding).toEqual(expected);
});

test('ALL is what the host has, without what is dropped', () => {
  const host = capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE');
  const { bounding } = sets(['ALL'], ['CHOWN'], 0, host);
  expect(new Set(bounding)).toEqual(new Set(host.filter((name) => name !== 'CAP_CHOWN')));
});

test.each<[string[], string[], string]>([
  [['NET_ADMN'], [], 'did you mean CAP_NET_ADMIN'],
  [[''], [], '--cap-add : not a capability'],
  [['CAP_ALL'], [], '--cap-add CAP_ALL: not a capability'],
  [['CHOWN,'], [], '--cap-add : not a capability'],
  [[], ['nothing-like-it'], '--cap-drop nothing-like-it: not a capability; see capabilities(7)'],
  [['ALL'], ['ALL'], 'contradict each other'],
  [['CHOWN,KILL'], ['kill'], 'CAP_KILL: given to --cap-add and to --cap-drop; give one'],
  [['SYS_RESOURCE'], [], '--cap-add CAP_SYS_RESOURCE: tsbox does not have it'],
])('add %j, drop %j is refused', (add, drop, problem) => {
  const host = capabilityNames.filter((name) => name !== 'CAP_SYS_RESOURCE');
  expect(problemsOf(() => sets(add, drop, 0, host))).toEqual([expect.stringContaining(problem)]);
});

const names = fc.uniqueArray(fc.constantFrom(...capabilityNames), { maxLength: 8 });
const spelt = (list: readonly string[]) =>
  fc
    .tuple(fc.constant(list), fc.infiniteStream(fc.nat(3)), fc.boolean())
    .map(([all, how, joined]) => {
      const words = all.map((name) => {
        const word = how.next().value % 2 === 0 ? name : name.replace('CAP_', '');
        return how.next().value > 1 ? word.toLowerCase() : word;
      });
      return joined && words.length > 0 ? [words.join(',')] : words;
    });
const asked = fc
  .record({
    add: names,
    drop: names,
    addAll: fc.boolean(),
    dropAll: fc.boolean(),
    uid: fc.constantFrom(0, 1000),
  })
  .map(({ drop, ...rest }) => ({ ...rest, drop: drop.filter((name) => !rest.add.includes(name)) }))
  .filter(({ addAll, dropAll }) => !(addAll && dropAll));
const written = asked.chain((each) =>
  fc.record({
    each: fc.constant(each),
    add: spelt([...each.add, ...(each.addAll ? ['ALL'] : [])]),
    drop: spelt([...each.drop, ...(each.dropAll ? ['ALL'] : [])]),
  }),
);

/** Podman's rule for one capability, from its manual. */
function isBounding(
  name: string,
  each: { add: readonly string[]; drop: readonly string[]; addAll: boolean; dropAll: boolean },
): boolean {
  if (each.drop.includes(name)) return false;
  const byDefault = (defaultCapabilities as readonly string[]).includes(name) && !each.dropAll;
  return byDefault || each.add.includes(name) || each.addAll;
}

test('every list of adds and drops, however it is written, gives the sets of the rule', () => {
  fc.assert(
    fc.property(written, ({ each, add, drop }) => {
      const found = sets(add, drop, each.uid);
      const bounding = capabilityNames.filter((name) => isBounding(name, each));
      const own =
        each.uid === 0
          ? bounding
          : bounding.filter((name) => each.addAll || each.add.includes(name));
      const kept = each.uid === 0 ? [] : own;
      const expected = {
        bounding,
        effective: own,
        permitted: own,
        inheritable: kept,
        ambient: kept,
      };
      const sorted = Object.entries(found).map(([set, list]) => [set, [...list].sort()]);
      expect(Object.fromEntries(sorted)).toEqual(
        Object.fromEntries(Object.entries(expected).map(([set, list]) => [set, [...list].sort()])),
      );
    }),
  );
});

test('whatever the words, they are refused or give capabilities that are available', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('ALL', 'chown', 'CAP_BPF,kill', ','));
  const host = capabilityNames.slice(0, 20);
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (add, drop) => {
      problemsOf(() => {
        const allowed = new Set<string>([...host, ...defaultCapabilities]);
        expect(sets(add, drop, 0, host).bounding.filter((name) => !allowed.has(name))).toEqual([]);
      });
    }),
  );
});

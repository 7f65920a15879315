/** The jails of a micro-VM's programs, whole, as `explain --vm` shows them: tests/unit/golden/. */
import { expect, test } from 'vitest';
import { printAction } from '../../src/plan/action.ts';
import {
  type Inmate,
  type Jail,
  jailMaps,
  jailNamespaces,
  jailSections,
} from '../../src/plan/jail.ts';
import { printSections } from '../../src/plan/print.ts';

const own: Omit<Inmate, 'capabilities'> = { uid: 0x70000001, gid: 0x70000001 };
const user: Omit<Inmate, 'capabilities'> = {
  uid: 1000,
  gid: 100,
  standsFor: { uid: 1000, gid: 100 },
};
const guarded: Pick<Jail, 'arch' | 'anchor' | 'limits'> = {
  arch: 'x64',
  anchor: '/run/tsbox/boxes',
  limits: { RLIMIT_CORE: 0n, RLIMIT_FSIZE: 4096n },
};
const places: Jail['places'] = [
  { kind: 'host directory', path: 'usr', source: '/usr', access: 'read-only' },
  { kind: 'link', path: 'lib', target: 'usr/lib' },
  { kind: 'host file', path: 'kernel', source: '/k/vmlinux', access: 'read-only' },
  { kind: 'directory', path: 'dev' },
  { kind: 'kvm', path: 'dev/kvm' },
];
const served: Jail['places'] = [
  { kind: 'proc', path: 'proc' },
  { kind: 'host directory', path: 'share', source: '/srv/data', access: 'writable' },
];

const jails: [string, Jail][] = [
  ['jail-of-root', { ...guarded, places, inmate: { ...own, capabilities: [] } }],
  ['jail-of-user', { ...guarded, places, inmate: { ...user, capabilities: [] } }],
  [
    'jail-of-server',
    {
      ...guarded,
      places: served,
      inmate: { ...user, uid: 0, gid: 0, capabilities: ['CAP_SETGID', 'CAP_SETUID'] },
    },
  ],
];

test.each(jails)('%s', async (name, jail) => {
  const text = [
    jailNamespaces(jail).join('|'),
    ...jailMaps(jail).map(printAction),
    printSections(jailSections(jail, ['/usr/bin/program', '-x'], 2)),
  ].join('\n');
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
});

test.each(jails)(
  '%s: who the program is comes after the root, and nothing but it after that',
  (_, jail) => {
    const calls = jailSections(jail, ['/p'], 0).flatMap(({ steps }) =>
      steps.map(({ call }) => call),
    );
    const order = ['pivot_root', 'umount2', 'setresgid', 'setresuid', 'capset', 'execve'] as const;
    const found = order.map((call) => calls.lastIndexOf(call));
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(found).not.toContain(-1);
    expect(calls.slice(found[2]).filter((call) => /mount|open|mknod|chown/.test(call))).toEqual([]);
  },
);

test('a user namespace stands for the caller’s ids alone', () => {
  for (const [, jail] of jails)
    for (const action of jailMaps(jail))
      if (action.call === 'write' && action.path.endsWith('id_map'))
        expect(action.data).toMatch(/^\d+ (1000|100) 1\n$/);
});

import { expect, test } from 'vitest';
import type { Host } from '../../src/plan/host.ts';
import type { RunOptions } from '../../src/spec/run-options.ts';
import { guest } from './boxes.ts';
import { problemsOf } from './problems.ts';

const sources: Host['sources'] = new Map([
  ['/host/directory', 'directory'],
  ['/host/file', 'file'],
]);

test.each<[string, Partial<RunOptions>, string]>([
  [
    'a user namespace',
    { userns: 'auto' },
    '--userns, --uidmap, --gidmap and idmap with --vm: the machine is the boundary already, and has all ids: leave them out',
  ],
  [
    'a file as a volume',
    { volume: ['/host/directory:/d', '/host/file:/etc/motd'] },
    '--volume /host/file with --vm: only directories can be shared with a micro-VM: give the directory that holds it',
  ],
  ...(
    [
      [
        'rslave',
        'slave and shared: what is mounted on the host and in a guest does not reach the other side',
      ],
      ['bind', 'bind: a guest gets the directory with all that is mounted in it'],
      ['noatime', 'noatime: the host keeps the times of files, and reads them for the guest'],
      ['relatime', 'relatime: the host keeps the times of files, and reads them for the guest'],
    ] as const
  ).map(([option, why]): [string, Partial<RunOptions>, string] => [
    `a volume that is ${option}`,
    { volume: [`/host/directory:/d:${option}`] },
    `--volume /host/directory with --vm: ${why}: leave it out`,
  ]),
  [
    'a device',
    { device: ['/dev/null', '/dev/one:/dev/two'] },
    '--device /dev/one with --vm: a device of the host cannot be handed to a micro-VM, whose kernel has devices of its own: run it as a container',
  ],
])('%s is refused', (_, own, message) => {
  expect(() => guest(own, sources)).toThrow(
    expect.objectContaining({ name: 'BoxError', exitCode: 125, message }),
  );
});

const root = { tag: 'root', source: '/images/one', readonly: true };
test.each<[Partial<RunOptions>, object[]]>([
  [{}, [root]],
  [{ readOnly: true }, [root]],
  [{ writable: true }, [{ ...root, readonly: false }]],
  [{ tmpfs: ['/t'] }, [root]],
  [{ device: ['/dev/null'] }, [root]],
  [{ volume: ['/a:/a'] }, [root, { tag: 'volume7', source: '/a', readonly: false }]],
  [
    { volume: ['/a:/a:ro', '/b:/b'], tmpfs: ['/t'] },
    [
      root,
      { tag: 'volume8', source: '/a', readonly: true },
      { tag: 'volume9', source: '/b', readonly: false },
    ],
  ],
])('what %j shares with the guest', (own, shares) => {
  expect(guest(own).shares).toEqual(shares);
});

test('a root file system that is the disk is no share', () => {
  expect(guest({}, new Map(), 'disk').shares).toEqual([]);
});

test('the guest’s plan knows no path of the host', () => {
  const { sections } = guest({ volume: ['/host/directory:/d:ro'] }, new Map());
  const text = JSON.stringify(sections, (_, value) => (typeof value === 'bigint' ? '' : value));
  expect(text).not.toMatch(/\/host|\/images|\/kernels|boxes/);
});

test('what a guest does not share with the host, or keep to, is refused all at once', () => {
  const own = {
    pid: 'host',
    ipc: 'ns:/x',
    cgroupns: 'host',
    cpuShares: '5',
    memorySwap: '-1',
    memory: '9m',
  };
  expect(problemsOf(() => guest(own)).map((problem) => problem.split(':')[0])).toEqual([
    'linux.namespaces (--ipc)',
    'linux.namespaces (--pid)',
    'linux.resources.memory.swap (--memory-swap)',
    'linux.resources.cpu.shares (--cpu-shares)',
    '--cgroupns host with --vm',
  ]);
});

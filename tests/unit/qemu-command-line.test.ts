import { expect, test } from 'vitest';
import type { Resources } from '../../src/spec/spec.ts';
import { type Machine, qemuCommand } from '../../src/vm/qemu/command-line.ts';

const plain: Machine = {
  accelerator: 'kvm',
  acpi: true,
  sandbox: true,
  boots: { kernel: '/k/vmlinux', initrd: '/s/initrd' },
  console: 8,
  channel: 6,
  monitor: 7,
  shares: [],
  resources: {},
  tscKhz: 1_000_000,
};
const command = (own: Partial<Machine> = {}) => qemuCommand('/bin/qemu', { ...plain, ...own });

/** The words that follow each flag of this name. */
const valuesOf = (flag: string, own: Partial<Machine> = {}) =>
  command(own).flatMap((word, index, words) => (word === flag ? [words[index + 1]] : []));

const MEGABYTE = 2 ** 20;
test.each<[number | undefined, string]>([
  [undefined, '256M'],
  [4096, '32M'],
  [32 * MEGABYTE, '32M'],
  [32 * MEGABYTE + 1, '33M'],
  [64 * MEGABYTE - 1, '64M'],
  [64 * MEGABYTE, '64M'],
  [2 ** 31, '2048M'],
])('a limit of %j bytes is a machine of %s', (limit, size) => {
  const resources: Resources = limit === undefined ? {} : { memory: { limit } };
  expect(valuesOf('-m', { resources })).toEqual([size]);
  const backend = `memory-backend-memfd,share=on,id=ram,size=${size}`;
  const shares = [{ tag: 'a', socket: 9 }];
  expect(valuesOf('-object', { resources, shares })).toEqual([backend]);
  expect(valuesOf('-object', { resources })).toEqual([]);
});

test.each<[number | undefined, string]>([
  [undefined, '1'],
  [1000, '1'],
  [100_000, '1'],
  [100_001, '2'],
  [250_000, '3'],
  [800_000, '8'],
])('a quota of %j in 100000 µs is %s processors', (quota, cpus) => {
  const resources: Resources = quota === undefined ? {} : { cpu: { quota, period: 100_000 } };
  expect(valuesOf('-smp', { resources })).toEqual([cpus]);
});

test.each<[Partial<Machine>, string]>([
  [{}, 'noreplace-smp'],
  [{ resources: { cpu: { quota: 2, period: 1 } } }, ''],
  [{ accelerator: 'tcg' }, 'noreplace-smp tsc_early_khz=1000000'],
  [{ accelerator: 'tcg', tscKhz: undefined }, 'noreplace-smp'],
  [{ accelerator: 'tcg', resources: { cpu: { quota: 2, period: 1 } } }, 'tsc_early_khz=1000000'],
])('the kernel’s command line of %j', (own, words) => {
  const line = `console=ttyS0 quiet cryptomgr.notests reboot=t panic=-1 ${words}`.trim();
  expect(valuesOf('-append', own)).toEqual([line]);
});

test.each<[Partial<Machine>, string, string[]]>([
  [{}, '-cpu', ['host']],
  [{ accelerator: 'tcg' }, '-cpu', []],
  [{}, '-M', ['microvm,x-option-roms=off,acpi=on,accel=kvm']],
  [{ accelerator: 'tcg' }, '-M', ['microvm,x-option-roms=off,acpi=on,accel=tcg']],
  [{}, '-kernel', ['/k/vmlinux']],
  [{ boots: { kernel: '/k,1/vmlinux', initrd: '/i' } }, '-kernel', ['/k,1/vmlinux']],
  [{}, '-incoming', []],
  [{ boots: undefined }, '-kernel', []],
  [{ boots: undefined }, '-initrd', []],
  [{ boots: undefined }, '-append', []],
  [{ boots: undefined }, '-incoming', ['defer']],
  [
    { memory: { path: '/m', shared: true } },
    '-object',
    ['memory-backend-file,mem-path=/m,share=on,id=ram,size=256M'],
  ],
  [
    { memory: { path: '/m', shared: false } },
    '-object',
    ['memory-backend-file,mem-path=/m,share=off,id=ram,size=256M'],
  ],
  [
    { memory: { path: '/m', shared: false, toldReadOnly: true } },
    '-object',
    ['memory-backend-file,mem-path=/m,share=off,readonly=on,rom=off,id=ram,size=256M'],
  ],
  [{ sandbox: false }, '-sandbox', []],
  [{}, '-bios', []],
  [{ firmware: '/firmware' }, '-bios', ['/firmware']],
  [{ disk: 12 }, '-add-fd', ['fd=8,set=1', 'fd=12,set=2']],
  [
    { disk: 12 },
    '-blockdev',
    ['driver=file,node-name=disk,filename=/dev/fdset/2,read-only=on,locking=off'],
  ],
  [{}, '-initrd', ['/s/initrd']],
  [
    {},
    '-chardev',
    ['file,id=console,path=/dev/fdset/1', 'socket,id=monitor,fd=7', 'socket,id=channel,fd=6'],
  ],
  [{}, '-add-fd', ['fd=8,set=1']],
])('with %j, %s is %j', (own, flag, values) => {
  expect(valuesOf(flag, own)).toEqual(values);
});

test('every share has its socket and its device', () => {
  const shares = [
    { tag: 'root', socket: 9 },
    { tag: 'volume7', socket: 10 },
  ];
  expect(valuesOf('-chardev', { shares }).slice(3)).toEqual([
    'socket,id=root,fd=9',
    'socket,id=volume7,fd=10',
  ]);
  expect(valuesOf('-device', { shares })).toEqual([
    'virtio-serial-device,max_ports=2',
    'virtserialport,chardev=channel,name=tsbox',
    'vhost-user-fs-device,chardev=root,tag=root',
    'vhost-user-fs-device,chardev=volume7,tag=volume7',
  ]);
});

test('a network card has its cable; a machine without a network has none', () => {
  const card = { kind: 'tap', cable: 11 } as const;
  expect(valuesOf('-netdev', { card })).toEqual(['tap,id=network,fd=11,vhost=off']);
  expect(valuesOf('-netdev', { card: { ...card, kind: 'stream' } })).toEqual([
    'stream,id=network,server=off,addr.type=fd,addr.str=11',
  ]);
  expect(valuesOf('-device', { card }).at(-1)).toBe(
    'virtio-net-device,netdev=network,mac=02:74:00:00:00:01',
  );
  expect(command().join(' ')).not.toContain('net-device');
});

test('the program comes first, and nothing of QEMU’s own is added', () => {
  const words = command();
  expect(words[0]).toBe('/bin/qemu');
  for (const flag of ['-nodefaults', '-no-user-config', '-no-reboot'])
    expect(words).toContain(flag);
  expect(valuesOf('-display')).toEqual(['none']);
});

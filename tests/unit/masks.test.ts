/** `--security-opt mask=` and `unmask=`. */
import { expect, test } from 'vitest';
import { defaultMaskedPaths, defaultReadonlyPaths } from '../../src/spec/defaults.ts';
import { request } from './boxes.ts';

const linux = (...securityOpt: string[]) => request({ securityOpt }).spec.linux;
const without = (paths: readonly string[], ...gone: string[]) =>
  paths.filter((path) => !gone.includes(path));

test.each<[string[], readonly string[], readonly string[]]>([
  [[], defaultMaskedPaths, defaultReadonlyPaths],
  [['mask=/a:/b/../c/'], [...defaultMaskedPaths, '/a', '/c'], defaultReadonlyPaths],
  [['mask=/proc/keys'], defaultMaskedPaths, defaultReadonlyPaths],
  [['unmask=ALL'], [], []],
  [['unmask=all', 'mask=/a'], ['/a'], []],
  [
    ['unmask=/proc/keys:/proc/sys'],
    without(defaultMaskedPaths, '/proc/keys'),
    without(defaultReadonlyPaths, '/proc/sys'),
  ],
  [['unmask=/proc/*'], ['/sys/devices/virtual/powercap', '/sys/firmware'], []],
  [['unmask=/sys/*'], without(defaultMaskedPaths, '/sys/firmware'), defaultReadonlyPaths],
  [
    ['unmask=/proc/timer_?ist'],
    without(defaultMaskedPaths, '/proc/timer_list'),
    defaultReadonlyPaths,
  ],
  [['unmask=/proc.keys'], defaultMaskedPaths, defaultReadonlyPaths],
])('%j', (words, masked, readonly) => {
  expect(linux(...words)).toMatchObject({ maskedPaths: masked, readonlyPaths: readonly });
});

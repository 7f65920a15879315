/**
 * Images that are hostile, drawn from a seed: whatever stands at any place that a box mounts over,
 * reads, enters or executes may be a link that leads out, a FIFO, a device, and so on.
 */
import type { Options } from './box.ts';

export type Node =
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'file'; readonly mode: number; readonly text: string; readonly size?: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'fifo' | 'socket' | 'character device' | 'block device' };

export interface HostileImage {
  /** In their order; what stood at the path before is replaced. */
  readonly entries: readonly (readonly [path: string, node: Node])[];
  readonly options: Options;
  readonly command: readonly string[];
  /** As on a kernel without overlayfs: the image is copied. */
  readonly copied: boolean;
}

/** Marsaglia's xorshift with 32 bits: the same seed, the same images. */
export function randomFrom(seed: number): () => number {
  // Seeds beside each other must not begin alike.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 8; round++) next();
  return next;
}

const places = [
  ...['dev', 'dev/null', 'dev/pts', 'dev/shm', 'dev/mqueue', 'dev/tty', 'dev/fd', 'dev/ptmx'],
  ...['proc', 'proc/self', 'proc/sys', 'proc/kcore', 'sys', 'sys/fs', 'sys/fs/cgroup'],
  ...['etc', 'etc/passwd', 'etc/group', 'etc/hostname', 'etc/resolv.conf', 'etc/hosts'],
  ...['bin', 'bin/work', 'm', 'm/a', 'm/a/b', 'w', 'w/x', 'tmp', 'run', 'var', 'var/run', 'home'],
  ...['.', 'root', 'lower', 'upper', 'empty', 'scratch'],
];

const targets = (canaries: string): string[] => [
  ...['/', '.', '..', '/m', 'm', 'a', '/w/x', '/nowhere', 'nowhere/deep', '/bin/work', '/dev/null'],
  ...[canaries, `${canaries}/directory`, `${canaries}/file`, `${canaries}/made`],
  ...[`${'../'.repeat(30)}${canaries}`, `/proc/self/root${canaries}`, `/proc/1/root${canaries}`],
  ...[
    '/proc/self/cwd',
    '/proc/self/exe',
    '/proc/self/fd/0',
    '/proc/self/fd/5',
    '/proc/self/ns/mnt',
  ],
  ...['/proc', '/proc/self', '/proc/sysrq-trigger', '/sys', '/sys/fs/cgroup', '/dev', '/dev/pts'],
  ...['x/'.repeat(2000), 'x'.repeat(4095), `${'./'.repeat(2000)}dev`],
];

const modes = [0o755, 0o777, 0o700, 0o000, 0o1777, 0o6755, 0o111, 0o444];

const texts = [
  '',
  'root:x:0:0::/root:/bin/sh\n',
  'evil:x:0:0::/:\n1000:x:0:0::/:\nnobody:x:65534:65534::/:\n',
  'evil:x:4294967295:4294967295::/:\nevil:x:-1:-1::/:\n',
  'evil:x:99999999999999999999:1::/proc/self/fd/3:\n',
  'evil:\n::::::\n\0\0\0\n:::\nroot:x:7:7:::::::\n',
  `evil:x:1:1::${'/x'.repeat(3000)}:\n`,
  'evil:x:1:1::/a\nb=c:\r\n\ud800é\n',
  `wheel:x:10:${'root,'.repeat(5000)}\n`,
  Array.from({ length: 2000 }, (_, id) => `g${id}:x:${id}:evil,root,nobody\n`).join(''),
  '#!/proc/self/exe\n',
  '#!/bin/work\n',
  `#!${'/'.repeat(300)}\n`,
  '\x7fELF',
];

/** Where volumes and such are put. */
const destinations = [
  ...[
    '/m',
    '/m/a',
    '/m/a/b',
    '/m/../m/a',
    '/w',
    '/etc/passwd',
    '/etc/hostname',
    '/etc/x/y',
    '/run',
  ],
  ...[
    '/dev/x',
    '/dev/shm/y',
    '/dev/null',
    '/var/run/z',
    '/tmp/q',
    '/home',
    '/proc/x',
    '/bin',
    '/root/r',
  ],
];

/** @param sources paths on the host that may be volumes. */
export function hostileImage(
  seed: number,
  canaries: string,
  sources: readonly string[],
): HostileImage {
  const random = randomFrom(seed);
  const chance = (share: number): boolean => random() < share;
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const some = <T>(most: number, draw: () => T): T[] =>
    Array.from({ length: below(most + 1) }, draw);
  const maybe = <K extends string, V>(share: number, name: K, draw: () => V) =>
    chance(share) ? ({ [name]: draw() } as { [key in K]: V }) : {};

  const node = (): Node => {
    if (chance(0.5)) return { kind: 'link', target: pick(targets(canaries)) };
    if (chance(0.3)) return { kind: 'directory', mode: pick(modes) };
    if (chance(0.6)) {
      const file = { kind: 'file', mode: pick(modes), text: pick(texts) } as const;
      return chance(0.15) ? { ...file, size: pick([2 ** 22, 2 ** 22 + 1, 2 ** 40]) } : file;
    }
    return { kind: pick(['fifo', 'socket', 'character device', 'block device'] as const) };
  };

  const entries = some(6, () => [pick(places), node()] as const).filter(
    // The image itself is a directory that was found.
    ([path, { kind }]) => path !== '.' || kind === 'directory',
  );
  const writes = chance(0.2) ? { writable: true } : chance(0.2) ? { readOnly: true } : {};
  const volume = () => `${pick(sources)}:${pick(destinations)}${pick(['', ':ro', ':rw'])}`;
  return {
    entries,
    options: {
      ...writes,
      ...maybe(0.5, 'volume', () => some(3, volume)),
      ...maybe(0.3, 'tmpfs', () => some(2, () => pick(destinations))),
      ...maybe(0.5, 'workdir', () =>
        pick(['/', '/w', '/w/x', '/m', '/proc/self/fd/5', '/proc/1/cwd', '/dev', '/nowhere']),
      ),
      ...maybe(0.3, 'user', () =>
        pick(['0', '1000', '1000:7', 'root', 'evil', 'nobody', '7:g9', '4294967295']),
      ),
      ...maybe(0.3, 'userns', () => 'auto'),
      ...maybe(0.2, 'device', () => [
        pick(['/dev/null:/dev/n', '/dev/zero:/m/zero', '/dev/full:/dev/shm/f:r']),
      ]),
      ...maybe(0.1, 'securityOpt', () => ['seccomp=unconfined']),
    },
    command: chance(0.9)
      ? ['/bin/work', canaries]
      : [pick(['work', 'missing', '/w/x', '/m', './work', '/dev/null'])],
    copied: chance(0.15),
  };
}

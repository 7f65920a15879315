/** Makes the files of a generated image. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { hostArch } from '../../src/sandbox/host.ts';
import type { HostileImage, Node } from './hostile-image.ts';

const module = { exports: {} as { syscall: (...words: (number | string)[]) => number } };
process.dlopen(module, new URL('../../dist/native/tsbox.node', import.meta.url).pathname);
const mknodat = { x64: 259, arm64: 33 }[hostArch()];
const AT_FDCWD = -100;

/** st_mode and device of mknod(2). */
const special = {
  fifo: [0o010644, 0],
  socket: [0o140644, 0],
  'character device': [0o020644, 0x103],
  'block device': [0o060644, 0x763],
} as const;

export function buildImage(rootfs: string, entries: HostileImage['entries']): void {
  for (const [path, node] of entries) {
    // What an earlier entry made of a parent may be a link that leads out.
    if (!parentIsInside(rootfs, path)) continue;
    if (path !== '.') rmSync(join(rootfs, path), { recursive: true, force: true });
    make(join(rootfs, path), node);
  }
}

/** Makes the parents that are missing, unless one that is there is anything but a directory. */
function parentIsInside(rootfs: string, path: string): boolean {
  const names = dirname(path)
    .split('/')
    .filter((name) => name !== '.');
  let here = rootfs;
  for (const name of names) {
    here = join(here, name);
    const facts = lstatSync(here, { throwIfNoEntry: false });
    if (facts === undefined) mkdirSync(here);
    else if (!facts.isDirectory()) return false;
  }
  return true;
}

function make(path: string, node: Node): void {
  if (node.kind === 'directory') {
    mkdirSync(path, { recursive: true });
    chmodSync(path, node.mode);
  } else if (node.kind === 'file') {
    writeFileSync(path, node.text);
    if (node.size !== undefined) truncateSync(path, node.size);
    chmodSync(path, node.mode);
  } else if (node.kind === 'link') {
    symlinkSync(node.target, path);
  } else {
    const [mode, device] = special[node.kind];
    const result = module.exports.syscall(mknodat, AT_FDCWD, path, mode, device);
    if (result !== 0) throw new Error(`mknod ${path}: errno ${-result}`);
  }
}

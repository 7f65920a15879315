/** What a template was made from, as its name: if any of it changes, it is another template. */
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync } from 'node:fs';
import { readInit } from '../linux/native.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { type Section, stepsOf } from '../plan/step.ts';
import type { Guest } from './guest.ts';

/** To be raised when a template is made in another way. */
const FORMAT = 1;

/** Hexadecimal: 128 bits, by which no two meet by chance. */
const DIGITS = 32;

export interface MachineFacts {
  /** Of QEMU, as it makes the template. */
  readonly argv: readonly string[];
  /** The file of QEMU; in its jail it may have another name. */
  readonly qemu: string;
  /** The file that it boots. */
  readonly kernel: string;
  readonly guest: Pick<Guest, 'machine' | 'modules'>;
  readonly arch: Host['arch'];
  /** What the guest finds of this host's processor. */
  readonly processor: string;
}

export function machineName({ argv, qemu, kernel, guest, arch, processor }: MachineFacts): string {
  const files = [qemu, kernel, ...guest.modules.map(({ path }) => path)];
  const hash = createHash('sha256')
    .update(JSON.stringify([FORMAT, argv, processor, files.map(versionOf)]))
    .update(readInit())
    .update(encodePlan(stepsOf(guest.machine), arch));
  return `machine-${hash.digest('hex').slice(0, DIGITS)}`;
}

/** On top of a machine's. @param fingerprint of the image. @param sections that are carried out with it. */
export function imageName(
  machine: string,
  fingerprint: string,
  sections: readonly Section[],
  arch: Host['arch'],
): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([machine, fingerprint]))
    .update(encodePlan(stepsOf(sections), arch));
  return `image-${hash.digest('hex').slice(0, DIGITS)}`;
}

/** The kernel alone sets the time of a file's last change: inode(7). */
export function versionOf(path: string): string {
  const real = realpathSync(path);
  const { dev, ino, size, mtimeNs, ctimeNs } = lstatSync(real, { bigint: true });
  return [real, dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

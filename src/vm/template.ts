/**
 * Machines that were saved when they were up, for others to go on where they stood: the memory in one
 * file, the state of the processor and the devices in another. Neither holds anything of a box.
 */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { discard, findKept } from './store.ts';

export interface Template {
  readonly name: string;
  readonly memory: string;
  readonly state: string;
}

export function filesIn(name: string, directory: string): Template {
  return { name, memory: join(directory, 'memory'), state: join(directory, 'state') };
}

/** What is written down of a template when it is finished. */
interface Seal {
  /** Size, inode and times of the memory, which is too large to be read each time. */
  readonly memory: string;
  /** Of what the state holds. */
  readonly state: string;
}

/** To be called once its machine has been saved. */
export function sealTemplate({ memory, state }: Template, directory: string): void {
  // Whoever maps it writes into copies of its pages alone.
  chmodSync(memory, 0o444);
  writeFileSync(join(directory, SEAL), `${JSON.stringify(sealOf(memory, state))}\n`);
}

const SEAL = 'seal.json';

/** The kernel alone sets the time of a file's last change, inode(7): who changes a file changes that. */
function sealOf(memory: string, state: string): Seal {
  const { size, ino, mtimeNs, ctimeNs } = lstatSync(memory, { bigint: true });
  const hash = createHash('sha256').update(readFileSync(state)).digest('hex');
  return { memory: [size, ino, mtimeNs, ctimeNs].join(' '), state: hash };
}

/**
 * @returns undefined where there is none.
 * @throws TemplateError where there is one that is not as it was made.
 */
export function findTemplate(store: string, name: string): Template | undefined {
  const directory = findKept(store, name);
  if (directory === undefined) return undefined;
  const template = filesIn(name, directory);
  try {
    const { memory, state }: Seal = JSON.parse(readFileSync(join(directory, SEAL), 'utf8'));
    const now = sealOf(template.memory, template.state);
    if (now.memory === memory && now.state === state) return template;
  } catch {
    // It has no seal, or lacks a file: it is no template.
  }
  throw new TemplateError(name, 'it is not as it was made');
}

/** One that cannot be used; the machine is to be booted instead. */
export class TemplateError extends Error {
  readonly template: string;

  constructor(template: string, why: string) {
    super(why);
    this.template = template;
  }
}

export function discardTemplate(store: string, { template }: TemplateError): void {
  discard(store, template);
}

/** Makes templates: boots a machine, or goes on with a saved one, and saves it when it is ready. */
import { chownSync, closeSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copySparse } from '../linux/copy-sparse.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { forgetDisk } from '../plan/machine.ts';
import { decodeReport } from '../plan/report.ts';
import { type Section, stepsOf } from '../plan/step.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { type Listener, notUp, whileAlive } from './boot.ts';
import { type Machine, type MachineRequest, startMachine } from './machine.ts';
import type { Premises } from './premises.ts';
import { guestMemory } from './qemu/command-line.ts';
import { keep, makeRoom } from './store.ts';
import { filesIn, sealTemplate, type Template, TemplateError } from './template.ts';

/** What all machines of a box have, whatever they come from. */
export type MachineBase = Omit<MachineRequest, 'from' | 'memory' | 'save' | 'disk' | 'shares'>;

export interface Maker {
  readonly store: string;
  readonly base: MachineBase;
  readonly arch: Host['arch'];
  readonly listener: Listener;
}

/** One that has booted and has forgotten its disk. @throws TemplateError, or BoxError when no guest answers. */
export function makeMachineTemplate(
  maker: Maker,
  name: string,
  boots: { readonly kernel: string; readonly initrd: string },
): Promise<Template> {
  return make(maker, name, async (template, directory) => {
    const { premises, resources } = maker.base;
    makeMemory(template.memory, guestMemory(resources), premises);
    const disk = join(directory, 'no-disk');
    writeFileSync(disk, new Uint8Array(NO_DISK));
    const request = {
      ...maker.base,
      from: { kind: 'kernel', ...boots },
      memory: { path: template.memory, shared: true },
      disk,
      shares: [],
    } as const;
    await withMachine(maker, template, request, async (machine) => {
      await answer(maker, name, machine, machine.session.up);
      await carryOut(maker, name, machine, forgetDisk(maker.arch));
    });
    rmSync(disk);
  });
}

/** Bytes: a disk has a size. */
const NO_DISK = 4096;

/** One that has its image, too. @throws as above. */
export function makeImageTemplate(
  maker: Maker,
  name: string,
  from: Template,
  disk: string,
  sections: readonly Section[],
): Promise<Template> {
  return make(maker, name, async (template) => {
    copySparse(from.memory, template.memory, 0o600);
    giveTo(maker.base.premises, template.memory);
    const request = {
      ...maker.base,
      from: { kind: 'state', file: from.state, template: from.name },
      memory: { path: template.memory, shared: true },
      disk,
      shares: [],
    } as const;
    await withMachine(maker, template, request, async (machine) => {
      const why = await answer(maker, name, machine, restoredOrNot(machine));
      if (why !== 'restored') throw new TemplateError(from.name, `${why}:\n${machine.lastWords()}`);
      await carryOut(maker, name, machine, sections);
    });
  });
}

async function restoredOrNot(machine: Machine): Promise<string> {
  return (await machine.restored) ?? 'restored';
}

async function make(
  { store, base: { premises } }: Maker,
  name: string,
  fill: (template: Template, directory: string) => Promise<void>,
): Promise<Template> {
  const kept = await keep(store, name, async (directory) => {
    const template = filesIn(name, directory);
    await fill(template, directory);
    if (premises.nobody.standsFor === undefined)
      chownSync(template.memory, premises.root.uid, premises.root.gid);
    sealTemplate(template, directory);
  });
  makeRoom(store, name);
  return filesIn(name, kept);
}

function makeMemory(path: string, bytes: number, premises: Premises): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    ftruncateSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
  giveTo(premises, path);
}

/** To QEMU, which writes into it now. */
function giveTo({ nobody }: Premises, path: string): void {
  if (nobody.standsFor === undefined) chownSync(path, nobody.uid, nobody.gid);
}

async function withMachine(
  { listener }: Maker,
  { name, state }: Template,
  request: MachineRequest,
  prepare: (machine: Machine) => Promise<void>,
): Promise<void> {
  const machine = await startMachine(request, listener.stdio);
  try {
    await prepare(machine);
    const why = await whileAlive(machine, savedOrNot(machine, state), listener.abort);
    if (why !== 'saved') throw new TemplateError(name, why ?? lastWordsOf(machine));
  } finally {
    await machine.end();
  }
}

async function savedOrNot(machine: Machine, file: string): Promise<string> {
  return (await machine.save(file)) ?? 'saved';
}

/** @throws BoxError where the machine stands there and its guest does not answer: it would not when it is booted. */
async function answer<Answer>(
  { listener }: Maker,
  name: string,
  machine: Machine,
  asked: Promise<Answer | undefined>,
): Promise<Answer> {
  const found = await whileAlive(machine, asked, listener.abort);
  if (found !== undefined) return found;
  const words = machine.lastWords();
  if (await hasEnded(machine)) throw new TemplateError(name, `its machine ended:\n${words}`);
  throw notUp(words);
}

function hasEnded(machine: Machine): Promise<boolean> {
  return Promise.race([machine.gone.then(() => true), Promise.resolve(false)]);
}

function lastWordsOf(machine: Machine): string {
  return `its machine ended:\n${machine.lastWords()}`;
}

async function carryOut(
  maker: Maker,
  name: string,
  machine: Machine,
  sections: readonly Section[],
): Promise<void> {
  const steps = stepsOf(sections);
  const asked = machine.session.carryOut(encodePlan(steps, maker.arch));
  const progress = await answer(maker, name, machine, asked);
  const report = progress.kind === 'done' ? decodeReport(progress.report) : undefined;
  if (report?.state === 'ended') return;
  throw new TemplateError(name, failureOf(steps, report)?.message ?? 'its plan began a workload');
}

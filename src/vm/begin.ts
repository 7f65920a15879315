/** Has a machine come to the workload: one from a template where that can be, otherwise one that boots. */
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { type Fresh, renewSections } from '../plan/renew.ts';
import { decodeReport } from '../plan/report.ts';
import { type Section, stepsOf } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import type { SnapshotMode } from '../spec/box.ts';
import { type Choice, chooseAccelerator } from './accelerator.ts';
import { boot, type Listener, notUp, qemuFor, warning, whileAlive } from './boot.ts';
import type { Disk } from './disk.ts';
import { type Ingredients, restoreMachine } from './from-template.ts';
import type { Guest } from './guest.ts';
import type { Machine } from './machine.ts';
import type { MachineBase, Maker } from './make-template.ts';
import type { MemoryFile } from './qemu/command-line.ts';
import type { Begun } from './running.ts';
import { discardTemplate, type Template, TemplateError } from './template.ts';

export interface Beginning {
  readonly base: Omit<MachineBase, 'accelerator' | 'qemu'>;
  readonly boots: { readonly kernel: string; readonly initrd: string };
  /** Where templates are kept; undefined where they cannot be. */
  readonly store: string | undefined;
  readonly disk: { readonly disk: Disk; readonly file: string } | undefined;
  readonly guest: Guest;
  readonly arch: Host['arch'];
  readonly listener: Listener;
  readonly snapshot: SnapshotMode;
}

/** @throws BoxError, and the machine is gone then. */
export async function beginWorkload(beginning: Beginning): Promise<Begun> {
  const { base, boots, disk, guest, listener } = beginning;
  const choice = chooseAccelerator();
  if (choice.why !== undefined) listener.say(warning(choice.why));
  const restored = await beginRestored(beginning, choice);
  if (restored !== undefined) return restored;
  const { machine, report } = await boot(
    { ...base, from: { kind: 'kernel', ...boots }, disk: disk?.file, shares: guest.shares },
    choice.accelerator,
    listener,
  );
  const begun = await begin(machine, guest.disk, beginning);
  return { ...begun, booted: { steps: stepsOf(guest.machine), report } };
}

/** From a template, with a memory that is to be kept. @throws BoxError */
export async function beginSaved(
  beginning: Beginning,
  memoryOf: (template: Template) => MemoryFile,
): Promise<Begun> {
  const choice = chooseAccelerator();
  if (choice.why !== undefined) beginning.listener.say(warning(choice.why));
  const always = { ...beginning, snapshot: 'always' } as const;
  const begun = await beginRestored(always, choice, memoryOf);
  if (begun === undefined) throw new Error('--snapshot always boots nothing');
  return begun;
}

/** @returns undefined where it has to be booted. @throws BoxError where it must not be. */
async function beginRestored(
  beginning: Beginning,
  choice: Choice,
  memoryOf: (template: Template) => MemoryFile = ({ memory }) => ({ path: memory, shared: false }),
): Promise<Begun | undefined> {
  const { listener, snapshot } = beginning;
  const source = await templateSource(beginning, choice);
  if ('lacks' in source) {
    if (snapshot === 'always')
      throw new BoxError(`--snapshot always: ${source.lacks}: use --snapshot auto`);
    return undefined;
  }
  try {
    const machine = await restoreMachine(source.maker, source.ingredients, memoryOf);
    return await begin(machine, [], beginning);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    discardTemplate(source.maker.store, error);
    const what = `the template ${error.template} of the micro-VM cannot be used (${error.message.trim()})`;
    if (snapshot === 'always')
      throw new BoxError(`${what}: try again, which makes a new one, or use --snapshot auto`);
    listener.say(`${what}: it is booted instead, and the next one makes a new template`);
    return undefined;
  }
}

export interface TemplateSource {
  readonly maker: Maker;
  readonly ingredients: Ingredients;
}

/** What its template is made from, or why it can have none. @throws BoxError where no QEMU can run it. */
export async function templateSource(
  { base, boots, store, disk, guest, arch, listener, snapshot }: Beginning,
  { accelerator, proved }: Choice,
): Promise<TemplateSource | { readonly lacks: string }> {
  if (snapshot === 'never') return { lacks: 'it is told to boot' };
  if (store === undefined) return { lacks: 'there is no place to keep templates in' };
  if (disk === undefined)
    return {
      lacks: 'its image is shared with the host, which no machine that is saved can do',
    };
  if (guest.shares.length > 0)
    return { lacks: 'it has volumes (-v), which no machine that is saved can have' };
  if (!proved) return { lacks: 'no guest has come up under KVM yet' };
  const qemu = await qemuFor({ ...base, accelerator, shares: [] });
  const maker = { store, base: { ...base, accelerator, qemu }, arch, listener };
  return { maker, ingredients: { boots, disk, guest } };
}

/** Has the guest's init carry out the rest. @throws TemplateError, or BoxError, and the machine is gone then. */
async function begin(
  machine: Machine,
  first: readonly Section[],
  beginning: Beginning,
): Promise<Begun> {
  const { arch, guest, listener } = beginning;
  try {
    const steps = stepsOf([...first, ...renewSections(arch, takeFresh()), ...guest.box]);
    const plan = encodePlan(steps, arch);
    const answered = Promise.race([machine.session.carryOut(plan), unlessRestored(machine)]);
    const progress = await whileAlive(machine, answered, listener.abort);
    if (progress?.kind === 'begun') return { machine, steps, process: progress.process };
    if (progress !== undefined)
      throw failureOf(steps, decodeReport(progress.report)) ?? notUp(machine.lastWords());
    throw machine.template === undefined
      ? notUp(machine.lastWords())
      : new TemplateError(machine.template, `its guest does not answer:\n${machine.lastWords()}`);
  } catch (error) {
    await machine.end();
    throw error;
  }
}

/** What no other machine gets. */
export function takeFresh(): Fresh {
  return {
    time: BigInt(Date.now()) * 1_000_000n,
    entropy: crypto.getRandomValues(new Uint8Array(32)),
  };
}

/** Settles only where it cannot be restored. */
export async function unlessRestored(machine: Machine): Promise<never> {
  const why = await machine.restored;
  if (why !== undefined && machine.template !== undefined)
    throw new TemplateError(machine.template, `${why}:\n${machine.lastWords()}`);
  return new Promise(() => undefined);
}

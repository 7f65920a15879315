/** Has a machine come to the workload: one from a template where that can be, otherwise one that boots. */
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { renewSections } from '../plan/renew.ts';
import { decodeReport } from '../plan/report.ts';
import { type Section, stepsOf } from '../plan/step.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { chooseAccelerator } from './accelerator.ts';
import { boot, type Listener, notUp, warning, whileAlive } from './boot.ts';
import type { Disk } from './disk.ts';
import { restoreMachine } from './from-template.ts';
import type { Guest } from './guest.ts';
import type { Machine } from './machine.ts';
import type { MachineBase } from './make-template.ts';
import type { Begun } from './running.ts';
import { discardTemplate, TemplateError } from './template.ts';

export interface Beginning {
  readonly base: Omit<MachineBase, 'accelerator'>;
  readonly boots: { readonly kernel: string; readonly initrd: string };
  /** Where templates are kept; undefined where they cannot be. */
  readonly store: string | undefined;
  readonly disk: { readonly disk: Disk; readonly file: string } | undefined;
  readonly guest: Guest;
  readonly arch: Host['arch'];
  readonly listener: Listener;
}

/** @throws BoxError, and the machine is gone then. */
export async function beginWorkload(beginning: Beginning): Promise<Begun> {
  const { base, boots, disk, guest, listener } = beginning;
  const restored = await beginRestored(beginning);
  if (restored !== undefined) return restored;
  const { machine, report } = await boot(
    { ...base, from: { kind: 'kernel', ...boots }, disk: disk?.file, shares: guest.shares },
    listener,
  );
  const steps = await begin(machine, [...guest.disk, ...guest.box], beginning);
  return { machine, booted: { steps: stepsOf(guest.machine), report }, steps };
}

/** @returns undefined where it has to be booted. */
async function beginRestored(beginning: Beginning): Promise<Begun | undefined> {
  const { base, boots, store, disk, guest, arch, listener } = beginning;
  const { accelerator, why, proved } = chooseAccelerator();
  // A machine that is saved cannot be connected to virtiofsd.
  if (store === undefined || disk === undefined || guest.shares.length > 0 || !proved)
    return undefined;
  try {
    const maker = { store, base: { ...base, accelerator }, arch, listener };
    const machine = await restoreMachine(maker, { boots, disk, guest });
    if (why !== undefined) listener.say(warning(why));
    return { machine, steps: await begin(machine, guest.box, beginning) };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    discardTemplate(store, error);
    listener.say(
      `the template ${error.template} of the micro-VM cannot be used (${error.message.trim()}): it is booted instead, and the next one makes a new template`,
    );
    return undefined;
  }
}

/** Has the guest's init carry out the rest. @throws TemplateError, or BoxError, and the machine is gone then. */
async function begin(machine: Machine, sections: readonly Section[], beginning: Beginning) {
  const { arch, listener } = beginning;
  try {
    const fresh = {
      time: BigInt(Date.now()) * 1_000_000n,
      entropy: crypto.getRandomValues(new Uint8Array(32)),
    };
    const steps = stepsOf([...renewSections(arch, fresh), ...sections]);
    const plan = encodePlan(steps, arch);
    const answered = Promise.race([machine.session.carryOut(plan), unlessRestored(machine)]);
    const progress = await whileAlive(machine, answered, listener.abort);
    if (progress?.kind === 'begun') return steps;
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

/** Settles only where it cannot be restored. */
async function unlessRestored(machine: Machine): Promise<never> {
  const why = await machine.restored;
  if (why !== undefined && machine.template !== undefined)
    throw new TemplateError(machine.template, `${why}:\n${machine.lastWords()}`);
  return new Promise(() => undefined);
}

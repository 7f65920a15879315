/** A machine that goes on where a template was saved, which is made first when there is none. */
import { findDisk } from '../plan/machine.ts';
import type { Section } from '../plan/step.ts';
import type { Disk } from './disk.ts';
import type { Guest } from './guest.ts';
import { type Machine, partsOf, startMachine } from './machine.ts';
import { type Maker, makeImageTemplate, makeMachineTemplate } from './make-template.ts';
import type { MemoryFile } from './qemu/command-line.ts';
import { qemuProgram } from './qemu/program.ts';
import { findTemplate, type Template } from './template.ts';
import { imageName, machineName } from './template-name.ts';

/** What a template is made from. */
export interface Ingredients {
  readonly boots: { readonly kernel: string; readonly initrd: string };
  readonly disk: { readonly disk: Disk; readonly file: string };
  readonly guest: Guest;
}

/** @throws TemplateError where it has to be booted instead; or BoxError. */
export async function restoreMachine(
  maker: Maker,
  ingredients: Ingredients,
  memoryOf: (template: Template) => MemoryFile,
): Promise<Machine> {
  const { base, listener } = maker;
  const template = await provideImageTemplate(maker, ingredients);
  const request = {
    ...base,
    from: { kind: 'state', file: template.state, template: template.name },
    memory: memoryOf(template),
    disk: ingredients.disk.file,
    shares: [],
  } as const;
  return startMachine(request, listener.stdio);
}

/** @throws as above. */
export async function provideImageTemplate(
  maker: Maker,
  ingredients: Ingredients,
): Promise<Template> {
  const { store, arch } = maker;
  const { disk, guest } = ingredients;
  const machine = nameOfMachine(maker, ingredients);
  const sections: Section[] = [...findDisk(arch), ...guest.disk];
  const name = imageName(machine, disk.disk.fingerprint, sections, arch);
  return (
    findTemplate(store, name) ??
    makeImageTemplate(
      maker,
      name,
      findTemplate(store, machine) ??
        (await makeMachineTemplate(maker, machine, ingredients.boots)),
      disk.file,
      sections,
    )
  );
}

function nameOfMachine({ base, arch }: Maker, { boots, guest }: Ingredients): string {
  const parts = partsOf({
    ...base,
    from: { kind: 'kernel', ...boots },
    memory: { path: '', shared: true },
    disk: '',
    shares: [],
  });
  const { argv } = qemuProgram(base.premises, parts);
  return machineName({
    argv,
    qemu: base.qemu.path,
    kernel: boots.kernel,
    guest,
    arch,
    processor: '',
  });
}

/** A box that goes on, with its workload, where it was saved: `--from`. */
import { encodePlan } from '../plan/encode.ts';
import { renewBox, renewSections } from '../plan/renew.ts';
import { decodeReport } from '../plan/report.ts';
import { stepsOf } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { type BoxRequest, placeOf } from '../spec/box.ts';
import { chooseAccelerator } from './accelerator.ts';
import { takeFresh, unlessRestored } from './begin.ts';
import { warning, whileAlive } from './boot.ts';
import { type Claimed, readNames } from './claim.ts';
import { suppliedAt } from './guest.ts';
import { type Machine, startMachine } from './machine.ts';
import type { MachineBase } from './make-template.ts';
import type { Begun } from './running.ts';
import { qemuOf, withQemu } from './save.ts';
import type { Snapshot } from './snapshot.ts';
import { TemplateError } from './template.ts';

/** @throws BoxError, and the machine is gone then. */
export async function resumeWorkload(
  snapshot: Snapshot,
  { base, box, arch, listener }: Claimed,
): Promise<Begun> {
  const { accelerator, why } = chooseAccelerator();
  if (why !== undefined) listener.say(warning(why));
  const own = { ...base, acpi: snapshot.record.acpi, ...(await withQemu(base, accelerator)) };
  requireSame(snapshot, own);
  const request = {
    ...own,
    from: { kind: 'state', file: snapshot.state, template: snapshot.name, held: true },
    memory: { path: snapshot.memory, shared: false },
    disk: snapshot.disk,
    shares: [],
  } as const;
  const machine = await startMachine(request, listener.stdio);
  try {
    const steps = stepsOf([
      ...renewSections(arch, takeFresh()),
      ...renewBox(arch, renewalOf(snapshot, box)),
    ]);
    const asked = machine.session.carryOut(encodePlan(steps, arch));
    const answered = Promise.race([asked, unlessRestored(machine)]);
    const progress = await whileAlive(machine, answered, listener.abort);
    const told = progress?.kind === 'done' ? progress.report : undefined;
    const report = told && decodeReport(told);
    if (told === undefined || report === undefined) throw broken(snapshot, machine);
    if (report.state !== 'ended') throw failureOf(steps, report) ?? broken(snapshot, machine);
    const { process } = snapshot.record;
    return { machine, renewed: { steps, report: told }, steps: [], process };
  } catch (error) {
    await machine.end();
    throw error instanceof TemplateError ? unfit(snapshot, error.message) : error;
  }
}

function renewalOf({ record }: Snapshot, box: BoxRequest): Parameters<typeof renewBox>[1] {
  const [now, then] = [placeOf(box.network), record.place];
  const files = readNames(box).map(({ source, content }) => ({
    path: suppliedAt(source),
    content,
  }));
  return {
    process: record.process,
    hostname: box.spec.hostname,
    files: files.filter(({ path }) => record.files.includes(path)),
    places: now && then && { now, then },
  };
}

/** A state is read by the program that wrote it, and by none that only seems to be alike. */
function requireSame(snapshot: Snapshot, base: MachineBase): void {
  const { name, record } = snapshot;
  if (record.card !== base.card?.kind)
    throw new BoxError(
      record.card === undefined
        ? `the snapshot ${name} was saved without a network, and goes on without one: --network none`
        : `the snapshot ${name} was saved on a network, and goes on on one of the same kind: leave --network out, or name another`,
    );
  if (record.accelerator !== base.accelerator)
    throw unfit(snapshot, `saved under ${record.accelerator}, while this is ${base.accelerator}`);
  const { argv, version } = qemuOf(base);
  if (record.qemu.version !== version || record.qemu.argv.join('\0') !== argv.join('\0'))
    throw unfit(snapshot, 'it was saved by another QEMU, or with other options');
}

function unfit({ name }: Snapshot, why: string): BoxError {
  return new BoxError(
    `the snapshot ${name} cannot be gone on with (${why.trim()}): remove it by \`tsbox vm rm ${name}\`, and save it anew`,
  );
}

function broken(snapshot: Snapshot, machine: Machine): BoxError {
  return unfit(snapshot, `its guest does not answer:\n${machine.lastWords()}`);
}

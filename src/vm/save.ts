/** A box that is saved when its workload is ready, and ends with that: `--snapshot-as`. */
import { chmodSync, chownSync, copyFileSync, existsSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { copySparse } from '../linux/copy-sparse.ts';
import { encodePlan } from '../plan/encode.ts';
import { leaveNetwork } from '../plan/renew.ts';
import { decodeReport } from '../plan/report.ts';
import { stepsOf } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type BoxRequest, placeOf } from '../spec/box.ts';
import { chooseAccelerator } from './accelerator.ts';
import { beginSaved } from './begin.ts';
import { qemuFor, whileAlive } from './boot.ts';
import { type Caller, withSpace } from './claim.ts';
import { suppliedAt } from './guest.ts';
import { type Machine, partsOf } from './machine.ts';
import type { MachineBase } from './make-template.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { Accelerator } from './qemu/command-line.ts';
import { qemuProgram } from './qemu/program.ts';
import { whenReady } from './ready.ts';
import {
  filesOf,
  openSnapshots,
  type SnapshotRecord,
  snapshotName,
  writeRecord,
} from './snapshot.ts';
import { keep } from './store.ts';
import { versionOf } from './template-name.ts';

type Wish = NonNullable<NonNullable<BoxRequest['machine']>['save']>;

/** @returns a box that has ended. @throws BoxError, and nothing is kept. */
export async function saveVm(
  request: BoxRequest,
  { name, when }: Wish,
  data: string,
  caller: Caller,
): Promise<Sandbox> {
  const store = openSnapshots(data);
  if (!snapshotName.test(name))
    throw new BoxError(
      `--snapshot-as ${name}: a name has lower-case letters, digits, dots, hyphens and underscores`,
    );
  if (existsSync(join(store, name)))
    throw new BoxError(
      `there is a snapshot ${name}: remove it by \`tsbox vm rm ${name}\`, or choose another name`,
    );
  const prepared = await prepare(request, caller);
  try {
    let pid = 0;
    await keep(store, name, async (directory) => {
      const files = filesOf(name, directory);
      const begun = await beginIn(prepared, files);
      const { machine } = begun;
      pid = machine.pid;
      try {
        await untilReady(machine, when, prepared, caller);
        if (placeOf(prepared.box.network) !== undefined)
          await disconnect(machine, prepared, caller);
        await hold(machine, caller);
        await saveState(machine, files.state, caller);
      } finally {
        await machine.end();
      }
      protect(files.memory, prepared);
      writeRecord(directory, await recordOf(request, prepared, begun.process));
    });
    caller.timeline.mark('saved');
    caller.say(`saved as ${name}: \`tsbox run --vm --from ${name}\` goes on from there`);
    return endedSandbox(prepared, pid, caller);
  } catch (error) {
    throw withSpace(error, prepared.state);
  } finally {
    await prepared.end('has run');
  }
}

/** As a machine whose memory is the snapshot's. */
async function beginIn({ beginning }: Prepared, files: ReturnType<typeof filesOf>) {
  const { disk, base } = beginning;
  if (disk !== undefined) linkOrCopy(disk.file, files.disk);
  return beginSaved(beginning, (template) => {
    copySparse(template.memory, files.memory, 0o600);
    const { nobody } = base.premises;
    if (nobody.standsFor === undefined) chownSync(files.memory, nobody.uid, nobody.gid);
    return { path: files.memory, shared: true };
  });
}

/** The store's may be removed. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

async function untilReady(
  machine: Machine,
  when: Wish['when'],
  { beginning: { arch } }: Prepared,
  { early }: Caller,
): Promise<void> {
  const over = machine.session.end.then(() => undefined);
  const ready = Promise.race([whenReady(machine, when, arch), over]);
  if ((await whileAlive(machine, ready, early?.abort, 'for ever')) !== undefined) return;
  const end = await Promise.race([machine.session.end, Promise.resolve(undefined)]);
  throw new BoxError(
    end?.kind === 'ended'
      ? `the workload ended before it was ready to be saved (--snapshot-when), with status ${end.exit.status >> 8}`
      : `the micro-VM broke down before it was ready to be saved; the end of its console:\n${machine.lastWords()}`,
  );
}

/** From then on nobody hears of it. */
async function disconnect(machine: Machine, { arch }: Prepared, caller: Caller): Promise<void> {
  await hold(machine, caller);
  const asked = machine.session.carryOut(encodePlan(stepsOf(leaveNetwork()), arch));
  const progress = await whileAlive(machine, asked, caller.early?.abort);
  const report = progress?.kind === 'done' ? decodeReport(progress.report) : undefined;
  if (report?.state !== 'ended') throw unsaved(machine, 'its network card cannot be put down');
}

async function hold(machine: Machine, { early }: Caller): Promise<void> {
  const held = await whileAlive(machine, machine.session.hold(), early?.abort);
  if (!held) throw unsaved(machine, 'its init does not answer');
}

async function saveState(machine: Machine, state: string, { early }: Caller): Promise<void> {
  const saved = machine.save(state).then((why) => why ?? 'saved');
  const why = await whileAlive(machine, saved, early?.abort);
  if (why !== 'saved') throw unsaved(machine, why ?? 'QEMU does not answer');
}

function unsaved(machine: Machine, why: string): BoxError {
  return new BoxError(`the micro-VM cannot be saved: ${why}\n${machine.lastWords()}`);
}

function protect(memory: string, { beginning: { base } }: Prepared): void {
  const { nobody, root } = base.premises;
  if (nobody.standsFor === undefined) chownSync(memory, root.uid, root.gid);
  chmodSync(memory, 0o444);
}

async function recordOf(
  request: BoxRequest,
  prepared: Prepared,
  process: number,
): Promise<SnapshotRecord> {
  const { spec, layer, init, labels, ids } = request;
  const { base } = prepared.beginning;
  const { network } = prepared.box;
  const { accelerator } = chooseAccelerator();
  const place = placeOf(network);
  return {
    created: new Date().toISOString(),
    box: { spec, layer, ids, ...(init && { init }), ...(labels && { labels }) },
    process,
    files: (network?.files ?? []).map(({ source }) => suppliedAt(source)),
    ...(place && { place }),
    ...(base.card && { card: base.card.kind }),
    accelerator,
    acpi: base.acpi,
    qemu: qemuOf({ ...base, ...(await withQemu(base, accelerator)) }),
  };
}

/** The QEMU that runs a machine from a state. @throws BoxError where none can. */
export async function withQemu(
  { card }: Pick<MachineBase, 'card'>,
  accelerator: Accelerator,
): Promise<Pick<MachineBase, 'accelerator' | 'qemu'>> {
  return { accelerator, qemu: await qemuFor({ card, accelerator, shares: [] }) };
}

/** By which the one that goes on is known to be the same. */
export function qemuOf(base: Omit<MachineBase, 'terminal'>): SnapshotRecord['qemu'] {
  const parts = partsOf({
    ...base,
    from: { kind: 'state', file: '', template: '' },
    memory: { path: '', shared: false },
    disk: '',
    shares: [],
  });
  const { argv } = qemuProgram(base.premises, parts);
  return { argv, version: versionOf(argv[0] ?? '') };
}

function endedSandbox({ state }: Prepared, pid: number, { timeline }: Caller): Sandbox {
  return {
    id: state.id,
    pid,
    timeline,
    signal: () => undefined,
    resize: () => undefined,
    wait: async () => ({ kind: 'exited', code: 0 }),
  };
}

/** Boots a machine, under KVM or, where no guest comes up under it, without. */
import { setTimeout as sleep } from 'node:timers/promises';
import { dataDirectory } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Stdio } from '../sandbox/sandbox.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import { saveVerdict } from './accelerator.ts';
import { type Machine, type MachineRequest, startMachine } from './machine.ts';
import type { Accelerator } from './qemu/command-line.ts';
import { findQemu, type Qemu } from './qemu/find.ts';
import { neededFeatures } from './qemu/program.ts';

/** Seconds within which a guest must answer: a kernel that boots under TCG takes a few. */
const PATIENCE = { kvm: 10, tcg: 60 } as const;

/** Who hears of the boot, and can end it. */
export interface Listener {
  readonly stdio: Stdio;
  readonly timeline: Timeline;
  readonly say: (message: string) => void;
  readonly abort: AbortSignal | undefined;
}

/** A machine that waits for the box's plan. */
export interface Booted {
  readonly machine: Machine;
  /** On the plan with which it has booted. */
  readonly report: Buffer;
}

/**
 * A guest that shows no sign of life under KVM is tried again without.
 * @throws BoxError when it does not come up; nothing of it is left then.
 */
export async function boot(
  request: Omit<MachineRequest, 'accelerator' | 'qemu'>,
  accelerator: Accelerator,
  listener: Listener,
): Promise<Booted> {
  const first = await attempt({ ...request, accelerator }, listener);
  if ('machine' in first) {
    if (accelerator === 'kvm') saveVerdict(true, '');
    return first;
  }
  if (accelerator === 'tcg') throw notUp(first.words);
  const found = 'a guest did not come up under it';
  listener.say(warning(found));
  listener.timeline.mark('KVM tried');
  const second = await attempt({ ...request, accelerator: 'tcg' }, listener);
  if (!('machine' in second)) throw notUp(second.words);
  // Only now is it known that KVM is to blame, and not what the guest was given.
  saveVerdict(false, found);
  return second;
}

/** @returns what was said at the end when the guest did not come up; nothing of it is left then. */
async function attempt(
  request: Omit<MachineRequest, 'qemu'>,
  { stdio, timeline, abort }: Listener,
): Promise<Booted | { readonly words: string }> {
  const machine = await startMachine({ ...request, qemu: await qemuFor(request) }, stdio);
  void machine.monitor.ready.then((at) => timeline.mark('QEMU', at));
  try {
    const report = await whileAlive(machine, machine.session.up, abort);
    if (report !== undefined) return { machine, report };
    const words = machine.lastWords();
    await machine.end();
    return { words };
  } catch (error) {
    await machine.end();
    throw error;
  }
}

/** The one that runs such a machine. @throws BoxError where none can. */
export function qemuFor({
  accelerator,
  shares,
  card,
}: Pick<MachineRequest, 'accelerator' | 'shares' | 'card'>): Promise<Qemu> {
  const data = dataDirectory(process.env, process.geteuid?.() ?? 0);
  return findQemu(data, accelerator, neededFeatures({ shares, card: card?.kind }));
}

/**
 * What the guest answers; undefined when its machine ends or stands still before, or time is up.
 * @throws BoxError when it is ended meanwhile.
 */
export async function whileAlive<Answer>(
  machine: Machine,
  answer: Promise<Answer>,
  abort: AbortSignal | undefined,
  howLong: 'for a while' | 'for ever' = 'for a while',
): Promise<Answer | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([
      answer,
      machine.gone.then(() => undefined),
      machine.monitor.stopped.then(() => undefined),
      ...(howLong === 'for ever' ? [] : [patience(machine.vmm.accelerator, over.signal)]),
      ...(abort === undefined ? [] : [aborted(abort)]),
    ]);
  } finally {
    over.abort();
  }
}

async function patience(accelerator: Accelerator, over: AbortSignal): Promise<undefined> {
  await sleep(PATIENCE[accelerator] * 1000, undefined, { signal: over }).catch(() => undefined);
}

/** @throws BoxError */
function aborted(abort: AbortSignal): Promise<never> {
  const error = new BoxError('the micro-VM was ended while it was starting');
  return new Promise((_, fail) => {
    if (abort.aborted) fail(error);
    abort.addEventListener('abort', () => fail(error), { once: true });
  });
}

export function warning(why: string): string {
  return `KVM is not used (${why}): QEMU translates the guest (TCG), which is many times slower`;
}

export function notUp(words: string): BoxError {
  return new BoxError(
    `the micro-VM did not come up; the end of its console, and of what QEMU said:\n${words}  what to do: give it more memory (-m), and see \`tsbox doctor\` for the kernel and QEMU`,
  );
}

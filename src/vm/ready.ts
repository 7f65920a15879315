/** Waits until the workload of a machine is ready to be saved. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { connectHere } from '../plan/ready.ts';
import { decodeReport } from '../plan/report.ts';
import { stepsOf } from '../plan/step.ts';
import type { ReadyWhen } from '../spec/snapshot-when.ts';
import type { Machine } from './machine.ts';

/** @returns undefined when its channel has come to its end. */
export async function whenReady(
  { session }: Machine,
  when: ReadyWhen,
  arch: Host['arch'],
): Promise<true | undefined> {
  switch (when.kind) {
    case 'time':
      await sleep(when.seconds * 1000);
      return true;
    case 'line':
      return new Promise((settle) => session.watch(lineReader(when.pattern, () => settle(true))));
    case 'tcp':
      return whenListening(session, when.port, arch);
  }
}

/** The longest line that is looked at, in bytes: a workload may print without end. */
const LONGEST_LINE = 65536;

function lineReader(pattern: RegExp, found: () => void): (bytes: Uint8Array) => void {
  let line = '';
  return (bytes) => {
    const lines = (line + Buffer.from(bytes).toString('latin1')).split('\n');
    line = (lines.at(-1) ?? '').slice(-LONGEST_LINE);
    if (lines.some((each) => pattern.test(Buffer.from(each, 'latin1').toString()))) found();
  };
}

/** Milliseconds between two tries. */
const PAUSE = 20;

/** Tried by init, which has the same network as the box. */
async function whenListening(
  session: Machine['session'],
  port: number,
  arch: Host['arch'],
): Promise<true | undefined> {
  const steps = stepsOf(connectHere(port));
  const plan = encodePlan(steps, arch);
  for (;;) {
    if (!(await session.hold())) return undefined;
    const progress = await session.carryOut(plan);
    if (progress?.kind !== 'done') return undefined;
    if (decodeReport(progress.report)?.state === 'ended') return true;
    await sleep(PAUSE);
  }
}

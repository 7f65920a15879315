/** Runs pasta for a box (src/plan/pasta.ts), which waits for its interface meanwhile. */
import { closeSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFifo } from '../linux/fifo.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import type { Host } from '../plan/host.ts';
import { type PastaPlan, planPasta, type Served } from '../plan/pasta.ts';
import { carryOut } from '../sandbox/actions.ts';
import { memberDirectory, networksDirectory } from '../sandbox/network-state.ts';
import type { BoxState } from '../sandbox/state.ts';
import { systemPlaces } from '../sandbox/system-places.ts';
import type { Box } from '../spec/box.ts';
import { type RunningServer, startServer, untilHeard } from './server.ts';

export function pastaOf(box: Box, host: Host, served: Served): PastaPlan {
  return planPasta(box, host, served, systemPlaces());
}

/** @param boxes the state directory of boxes. */
export function readyPath(boxes: string, id: string): string {
  return join(memberDirectory(networksDirectory(boxes), id), 'ready');
}

/**
 * Starts it when the box has come to wait for its interface, and lets the box go on once it is there.
 * @returns undefined when the box did not come so far.
 * @throws Error that says why it does not run
 */
export async function startPasta(
  running: Interpreter,
  box: Box,
  host: Host,
  program: string,
  state: BoxState,
  abort: AbortSignal | undefined,
): Promise<RunningServer | undefined> {
  if (!running.arrives()) return undefined;
  const ready = readyPath(dirname(state.directory), state.id);
  const fifo = makeFifo(ready);
  try {
    const plan = pastaOf(box, host, { program, pid: running.pid, ready });
    const server = await startServer('pasta', plan, [], running.pid, state);
    await untilItLeads(server, plan, fifo, abort);
    running.go();
    return server;
  } finally {
    closeSync(fifo);
    rmSync(ready, { force: true });
  }
}

/** @throws Error, and it does not run any more */
async function untilItLeads(
  server: RunningServer,
  { after }: PastaPlan,
  fifo: number,
  abort: AbortSignal | undefined,
): Promise<void> {
  let why = 'pasta ended';
  try {
    await untilHeard('pasta', fifo, abort, server.hasEnded);
    await carryOut(after, { pid: server.pid });
    if (!server.hasEnded()) return;
  } catch (error) {
    why = (error as Error).message;
  }
  throw new Error((await server.end('never ran')) ?? why);
}

/** Runs pasta (src/plan/pasta.ts) for whoever waits for its interface meanwhile. */
import { dirname, join } from 'node:path';
import type { Host } from '../plan/host.ts';
import { type Client, type PastaPlan, planPasta, type Served } from '../plan/pasta.ts';
import { carryOut } from './actions.ts';
import { memberDirectory, networksDirectory } from './network-state.ts';
import { whenReady } from './ready.ts';
import { type RunningServer, startServer } from './server.ts';
import type { BoxState } from './state.ts';
import { systemPlaces } from './system-places.ts';
import type { About } from './unserved.ts';

export const aboutPasta: About = {
  call: 'pasta',
  why: 'it leads the network of the box out of the host, as no bridge can without root',
  lost: 'no network',
  hint: '--network=none does without it',
};

export function pastaOf(client: Client<number | string>, host: Host, served: Served): PastaPlan {
  return planPasta(client, host, served, systemPlaces());
}

/**
 * @param boxes the state directory of boxes.
 * @param program whose FIFO it is.
 */
export function readyPath(boxes: string, id: string, program: 'pasta' | 'passt'): string {
  return join(memberDirectory(networksDirectory(boxes), id), `${program}-ready`);
}

/** Settles once the interface is there. @throws Error that says why it does not run */
export function startPasta(
  client: Client,
  host: Host,
  program: string,
  state: BoxState,
  abort: AbortSignal | undefined,
): Promise<RunningServer> {
  const ready = readyPath(dirname(state.directory), state.id, 'pasta');
  const plan = pastaOf(client, host, { program, ready });
  return whenReady(
    'pasta',
    ready,
    abort,
    () => startServer('pasta', plan, state, { first: client.pid }),
    ({ pid }) => carryOut(plan.after, { pid }),
  );
}

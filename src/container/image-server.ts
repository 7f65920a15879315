/**
 * Runs fuse-overlayfs for a box (src/plan/image-server.ts). It ends with tsbox, and no later than the
 * box: a server that does not answer keeps who asked it in a sleep that only its own end can end, so
 * it is ended as soon as the box's first process is about to end, whatever others of the box wait for.
 */
import { closeSync } from 'node:fs';
import { whyNotOpened } from '../linux/devices.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import { receiveDescriptor } from '../linux/pass-descriptors.ts';
import type { Host, RootServer } from '../plan/host.ts';
import { planImageServer } from '../plan/image-server.ts';
import type { ServerPlan } from '../plan/jailed-program.ts';
import { FUSE_DEVICE, fuseOverlayfs } from '../plan/served-root.ts';
import { type RunningServer, startServer, untilHeard } from '../sandbox/server.ts';
import type { BoxState } from '../sandbox/state.ts';
import { systemPlaces } from '../sandbox/system-places.ts';
import { locate, programs } from '../sandbox/tool.ts';
import type { Box } from '../spec/box.ts';

/** @returns undefined where it is not installed, may not open FUSE or could not be jailed. */
export function findRootServer({ mountApi }: Pick<Host, 'mountApi'>): RootServer | undefined {
  if (mountApi === 'paths' || whyNotOpened(FUSE_DEVICE) !== undefined) return undefined;
  const program = locate({ name: 'fuse-overlayfs', places: programs });
  return program === undefined ? undefined : fuseOverlayfs(program);
}

export function imageServerOf(box: Box, host: Host, program: string): ServerPlan {
  return planImageServer(box, host, program, systemPlaces());
}

/**
 * Takes the descriptor of FUSE from the box, which waits, and lets it go on once the program runs, up
 * to its workload.
 * @returns undefined when the box did not come so far.
 * @throws Error that says why it does not run
 */
export async function startImageServer(
  running: Interpreter,
  box: Box,
  host: Host,
  program: string,
  state: BoxState,
  abort: AbortSignal | undefined,
): Promise<RunningServer | undefined> {
  const device = receiveDescriptor(running.socket);
  if (device === undefined) return undefined;
  let server: RunningServer;
  try {
    const plan = imageServerOf(box, host, program);
    server = await startServer('fuse-overlayfs', plan, state, {
      extra: [device],
      first: running.pid,
    });
  } finally {
    // Where nobody else holds it, what is asked of a server that has ended fails.
    closeSync(device);
  }
  try {
    running.go();
    // The box comes to its workload, or to its end without.
    await untilHeard('fuse-overlayfs', running.socket, abort);
    return server;
  } catch (error) {
    await server.end('never ran');
    throw error;
  }
}

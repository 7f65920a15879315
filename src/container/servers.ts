/**
 * The programs of the host's that a user's box may depend on while it runs, for want of what only root
 * may ask of the kernel. Few boxes do; so they are loaded then.
 */
import type { Interpreter } from '../linux/interpreter.ts';
import type { Host } from '../plan/host.ts';
import { clientOf } from '../plan/pasta.ts';
import { rootServer } from '../plan/root.ts';
import type { Early } from '../sandbox/sandbox.ts';
import type { RunningServer } from '../sandbox/server.ts';
import type { BoxState } from '../sandbox/state.ts';
import { type About, unserved } from '../sandbox/unserved.ts';
import type { Box } from '../spec/box.ts';

/** A program of the host's that the box depends on. */
export type Server = RunningServer & About;

interface Surroundings {
  readonly host: Host;
  readonly early: Early | undefined;
  readonly state: BoxState;
}

const fuse: About = {
  call: 'fuse-overlayfs',
  why: 'it serves the root file system, as there is no overlayfs for it',
  lost: 'no files',
};

/** In the order in which the box comes to need them, as far as it comes. @throws Refused */
export async function* startServers(
  running: Interpreter,
  box: Box,
  surroundings: Surroundings,
): AsyncGenerator<Server> {
  for (const serve of [serveImage, serveNetwork]) yield* await serve(running, box, surroundings);
}

async function serveImage(
  running: Interpreter,
  box: Box,
  { host, early, state }: Surroundings,
): Promise<Server[]> {
  const program = rootServer(box, host)?.program;
  if (program === undefined) return [];
  const { startImageServer } = await import('./image-server.ts');
  return served(fuse, () => startImageServer(running, box, host, program, state, early?.abort));
}

async function serveNetwork(
  running: Interpreter,
  box: Box,
  { host, early, state }: Surroundings,
): Promise<Server[]> {
  if (box.network?.choice.kind !== 'pasta') return [];
  const { program } = box.network.choice;
  const { aboutPasta, startPasta } = await import('../sandbox/pasta.ts');
  return served(aboutPasta, async () => {
    if (!running.arrives()) return undefined;
    const client = clientOf(box, host, running.pid);
    const server = await startPasta(client, host, program, state, early?.abort);
    running.go();
    return server;
  });
}

/** @returns none when the box did not come so far. */
async function served(
  about: About,
  start: () => Promise<RunningServer | undefined>,
): Promise<Server[]> {
  try {
    const server = await start();
    return server === undefined ? [] : [{ ...about, ...server }];
  } catch (error) {
    throw unserved(about, (error as Error).message, error);
  }
}

interface Lost {
  readonly why: string;
  readonly server: Server;
}

/** @returns those that had ended before. */
export async function endServers(
  servers: readonly Server[],
  box: Parameters<RunningServer['end']>[0],
): Promise<Lost[]> {
  const whys = await Promise.all(servers.map((server) => server.end(box)));
  return servers.flatMap((server, index) => {
    const why = whys[index];
    return why === undefined ? [] : [{ why, server }];
  });
}

/**
 * The programs of the host's that a user's box may depend on while it runs, for want of what only root
 * may ask of the kernel. Few boxes do; so they are loaded then.
 */
import type { Interpreter } from '../linux/interpreter.ts';
import type { Host } from '../plan/host.ts';
import { rootServer } from '../plan/root.ts';
import { Refused } from '../sandbox/refusal.ts';
import type { Early } from '../sandbox/sandbox.ts';
import type { BoxState } from '../sandbox/state.ts';
import type { Box } from '../spec/box.ts';
import type { RunningServer } from './server.ts';

/** A program of the host's that the box depends on. */
export interface Server extends RunningServer {
  readonly call: string;
  /** What it does for the box. */
  readonly why: string;
  /** What a box has from whom it has ended. */
  readonly lost: string;
  /** What to do without it. */
  readonly hint?: string;
}

interface Surroundings {
  readonly host: Host;
  readonly early: Early | undefined;
  readonly state: BoxState;
}

const fuse = {
  call: 'fuse-overlayfs',
  why: 'it serves the root file system, as there is no overlayfs for it',
  lost: 'no files',
};

const network = {
  call: 'pasta',
  why: 'it leads the network of the box out of the host, as no bridge can without root',
  lost: 'no network',
  hint: '--network=none does without it',
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
  const { startPasta } = await import('./pasta.ts');
  return served(network, () => startPasta(running, box, host, program, state, early?.abort));
}

/** @returns none when the box did not come so far. */
async function served(
  about: Omit<Server, keyof RunningServer>,
  start: () => Promise<RunningServer | undefined>,
): Promise<Server[]> {
  try {
    const server = await start();
    return server === undefined ? [] : [{ ...about, ...server }];
  } catch (error) {
    throw unserved({ why: (error as Error).message, server: about }, error);
  }
}

interface Lost {
  readonly why: string;
  readonly server: Omit<Server, keyof RunningServer>;
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

export function unserved(
  { why: failed, server: { call, why, hint } }: Lost,
  cause: unknown,
): Refused {
  return new Refused({ call, errno: 0 }, { failed, call, why, hint }, { cause });
}

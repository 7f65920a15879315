/** Waits for a program that writes into its PID file when all is ready, by a FIFO in place of the file. */
import { closeSync, rmSync } from 'node:fs';
import { makeFifo } from '../linux/fifo.ts';
import { type RunningServer, untilHeard } from './server.ts';

/**
 * @param fifo path of what it is to write into, which nobody else has.
 * @param prepare done once it has written.
 * @throws Error that says why it does not run; it does not then.
 */
export async function whenReady(
  name: string,
  fifo: string,
  abort: AbortSignal | undefined,
  start: () => Promise<RunningServer>,
  prepare: (server: RunningServer) => Promise<unknown> = async () => undefined,
): Promise<RunningServer> {
  const fd = makeFifo(fifo);
  try {
    const server = await start();
    let why = `${name} ended`;
    try {
      await untilHeard(name, fd, abort, server.hasEnded);
      await prepare(server);
      if (!server.hasEnded()) return server;
    } catch (error) {
      why = (error as Error).message;
    }
    throw new Error((await server.end('never ran')) ?? why);
  } finally {
    closeSync(fd);
    rmSync(fifo, { force: true });
  }
}

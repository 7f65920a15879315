/** `--console-socket`: the box's terminal for another program, as the command line of the OCI's runtimes has it. */
import { closeSync } from 'node:fs';
import { passDescriptor } from '../linux/pass-descriptors.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Exit, Sandbox } from '../sandbox/sandbox.ts';

/** The message that comes with the descriptor: what runc sends, as some programs print it. */
const MESSAGE = '/dev/ptmx';

/** @throws BoxError when nobody takes it; the box is ended then. */
export async function handTerminal(sandbox: Sandbox, socket: string): Promise<Exit> {
  const { terminal } = sandbox;
  if (terminal === undefined)
    throw new Error('a box without a terminal of its own has nothing to hand on');
  try {
    passDescriptor(socket, MESSAGE, terminal);
  } catch (error) {
    sandbox.signal(SIGKILL);
    await sandbox.wait();
    throw new BoxError(
      `--console-socket ${socket}: ${(error as Error).message}: a program must listen there before the box is started`,
      { cause: error },
    );
  } finally {
    closeSync(terminal);
  }
  return sandbox.wait();
}

const SIGKILL = 9;

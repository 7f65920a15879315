/** `--console-socket`: the box's terminal for another program, as the command line of the OCI's runtimes has it. */
import { closeSync } from 'node:fs';
import { sendDescriptors } from '../linux/pass-descriptors.ts';
import { connectAtOnce } from '../linux/unix-socket.ts';
import { BoxError } from '../sandbox/errors.ts';

/** The message that comes with the descriptor: what runc sends, as some programs print it. */
const MESSAGE = Buffer.from('/dev/ptmx');

/** A program that is to have a terminal. */
export interface Console {
  /** Hands it over, and closes tsbox's descriptor of it. @throws BoxError when it is gone by now. */
  take(terminal: number): void;
}

/** Before the box is started, which nobody would see otherwise. @throws BoxError when nobody listens. */
export function connectConsole(path: string): Console {
  const socket = refused(path, () => connectAtOnce(path));
  return {
    take: (terminal) => {
      try {
        refused(path, () => sendDescriptors(socket, MESSAGE, [terminal]));
      } finally {
        closeSync(terminal);
        closeSync(socket);
      }
    },
  };
}

function refused<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new BoxError(
      `--console-socket ${path}: ${(error as Error).message}: a program must listen there before the box is started, and take what comes`,
      { cause: error },
    );
  }
}

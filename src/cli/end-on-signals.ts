import { signalNumbers } from '../abi/signals.ts';
import { endRunning } from '../bench/spawn.ts';
import { say } from './print.ts';

/** SIGINT and SIGTERM end the program that is being timed, and then tsbox. */
export function endOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, async () => {
      for (const pid of await endRunning())
        say(`process ${pid}, which was being timed, does not heed SIGTERM and goes on`);
      process.exit(128 + signalNumbers[name]);
    });
}

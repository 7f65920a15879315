import { signalNumbers } from '../abi/signals.ts';
import { endRunning } from '../bench/spawn.ts';
import { findCgroups } from '../linux/host.ts';
import { removeAbandoned } from '../sandbox/abandoned.ts';
import { stateDirectory } from '../sandbox/state.ts';
import { say } from './print.ts';

/**
 * SIGINT and SIGTERM end the program that is being timed, and then tsbox. What a tsbox leaves that had
 * to be killed for that, as its workload does not heed SIGTERM, is removed.
 */
export function endOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, async () => {
      await endRunning();
      if (process.geteuid?.() === 0)
        await removeAbandoned(stateDirectory(process.env, 0), findCgroups(), say);
      process.exit(128 + signalNumbers[name]);
    });
}

import { signalNumbers } from '../abi/signals.ts';
import { endRunning } from '../bench/spawn.ts';
import { findCgroups } from '../linux/cgroup-place.ts';
import { removeAbandoned } from '../sandbox/abandoned.ts';
import { ownStateDirectory } from '../sandbox/state.ts';
import { say } from './print.ts';

/**
 * SIGINT and SIGTERM end the program that is being timed, and then tsbox. What a tsbox leaves that had
 * to be killed for that, as its workload does not heed SIGTERM, is removed.
 */
export function endOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, async () => {
      await endRunning();
      await removeLeft().catch((error: Error) => say(error.message));
      process.exit(128 + signalNumbers[name]);
    });
}

async function removeLeft(): Promise<void> {
  const state = ownStateDirectory(process.env, process.geteuid?.() ?? 0);
  const cgroups = findCgroups();
  await removeAbandoned(state, typeof cgroups === 'string' ? undefined : cgroups, say);
}

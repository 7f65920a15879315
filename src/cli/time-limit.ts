/** `--timeout`: the workload is killed when its time is up. */
import { signalNumbers } from '../abi/signals.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { say } from './print.ts';

/** The longest delay that a timer of Node's can have, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** @returns to be called when it has ended: the time is no longer counted. */
export function endInTime(sandbox: Sandbox, seconds: number): () => void {
  const end = performance.now() + seconds * 1000;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const left = end - performance.now();
    if (left > 0) {
      timer = setTimeout(wait, Math.min(left, LONGEST));
      return;
    }
    say(`the box's time is up (--timeout ${seconds}), so it was killed`);
    sandbox.signal(signalNumbers.SIGKILL);
  };
  wait();
  return () => clearTimeout(timer);
}

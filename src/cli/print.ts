/** Standard error, unbuffered: a stream of Node's would make the workload's descriptor non-blocking. */
import { writeAll } from '../sandbox/write.ts';

/** Prints a message about tsbox itself, apart from what the workload prints. */
export function say(message: string): void {
  writeAll(2, `tsbox: ${message}\n`);
}

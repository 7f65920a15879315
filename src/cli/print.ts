/** Standard error, unbuffered: a stream of Node's would make the workload's descriptor non-blocking. */
import { writeAll } from '../sandbox/write.ts';

/** Prints a message about tsbox itself, apart from what the workload prints. */
export function say(message: string): void {
  tell(`tsbox: ${message}\n`);
}

/** Prints on standard error; where that cannot be written, as on a full disk, nobody can be told. */
export function tell(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // The exit status says it still.
  }
}

/** Ends this process: exit_group(2). */
import { syscall } from './native.ts';

/**
 * At once: no handler of `exit` is called and nothing is written that was not yet, but neither does
 * Node put its memory in order first, which takes two milliseconds.
 */
export function exitNow(code: number): never {
  try {
    syscall('exit_group', code);
  } catch {
    // The native part cannot be loaded, as somebody has been told.
  }
  process.exit(code);
}

/** RLIMIT_NOFILE of getrlimit(2): the new process's descriptors pass through numbers from 64 on (native/launch.c). */
import { closeSync, openSync } from 'node:fs';
import { fcntlCommands } from '../abi/flags.ts';
import { SyscallError, syscall } from '../linux/native.ts';
import type { Probe } from './cause.ts';
import { softLimit } from './status.ts';

/** Above what any box needs. */
const ENOUGH = 100;

export const openFiles: Probe = {
  looksAt: `a descriptor can have the number ${ENOUGH - 1}`,
  prove: () => {
    if (canHave(ENOUGH - 1)) return undefined;
    const limit = softLimit('Max open files');
    return {
      sentence: `no descriptor can have the number ${ENOUGH - 1}: tsbox may have ${limit} files open (Max open files in /proc/self/limits)`,
      mend: `ulimit -n ${ENOUGH}, or more`,
    };
  },
};

function canHave(number: number): boolean {
  const one = openSync('/dev/null', 'r');
  try {
    closeSync(syscall('fcntl', one, fcntlCommands.F_DUPFD_CLOEXEC, number));
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  } finally {
    closeSync(one);
  }
}

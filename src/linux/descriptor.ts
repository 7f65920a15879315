/** Flags of open files: fcntl(2). */
import { openFlags } from '../abi/flags.ts';
import { syscall } from './native.ts';

/** For everyone who has the open file. @throws SyscallError */
export function makeNonBlocking(fd: number): void {
  const F_GETFL = 3;
  const F_SETFL = 4;
  syscall('fcntl', fd, F_SETFL, syscall('fcntl', fd, F_GETFL) | openFlags.x64.O_NONBLOCK);
}

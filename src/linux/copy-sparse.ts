/** Copies a file and leaves its holes out: lseek(2), SEEK_DATA; copy_file_range(2). */
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError, syscall } from './native.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** @param to a file that is not there. @throws SyscallError, or Error as openSync() does. */
export function copySparse(from: string, to: string, mode: number): void {
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'wx', mode);
    try {
      const { size } = fstatSync(source);
      ftruncateSync(target, size);
      for (let at = seek(source, 0, SEEK_DATA); at !== undefined; ) {
        const end = seek(source, at, SEEK_HOLE) ?? size;
        copyRange(source, target, at, end);
        at = seek(source, end, SEEK_DATA);
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/** undefined where nothing of that kind follows. */
function seek(fd: number, from: number, whence: number): number | undefined {
  try {
    return Number(syscall('lseek', fd, from, whence));
  } catch (error) {
    if (error instanceof SyscallError && error.errno === errnoNumber('ENXIO')) return undefined;
    throw error;
  }
}

function copyRange(source: number, target: number, start: number, end: number): void {
  const [from, to] = [BigInt64Array.of(BigInt(start)), BigInt64Array.of(BigInt(start))];
  for (let left = end - start; left > 0; ) {
    const copied = Number(syscall('copy_file_range', source, from, target, to, left, 0));
    if (copied === 0) return;
    left -= copied;
  }
}

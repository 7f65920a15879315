/** Files without a name or a place: memfd_create(2). */
import { closeSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { syscall } from './native.ts';

const MFD_CLOEXEC = 1;

/** @returns a descriptor; closing it frees the memory. */
export function memoryFile(name: string, content: Uint8Array): number {
  const fd = syscall('memfd_create', name, MFD_CLOEXEC);
  writeSync(fd, content);
  return fd;
}

/** @returns a descriptor of that many zero bytes. */
export function emptyMemoryFile(name: string, size: number): number {
  const fd = syscall('memfd_create', name, MFD_CLOEXEC);
  ftruncateSync(fd, size);
  return fd;
}

/** Reads a memory file from its start and closes it. */
export function takeMemoryFile(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  readSync(fd, bytes, 0, size, 0);
  closeSync(fd);
  return bytes;
}

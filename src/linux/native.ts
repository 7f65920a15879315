/**
 * The one door to the kernel: libtsbox.so (native/launch.c) through koffi, and the program
 * tsbox-init. Loaded at the first call, as commands that only plan or print do without.
 */
import { readFileSync, writeSync } from 'node:fs';
import type { address, load } from 'koffi';
import { describeErrno } from '../abi/errno.ts';
import { knownArch, type SyscallName, syscallNumbers } from '../abi/syscalls.ts';

/** Where the build puts the native parts: beside the bundle that this file becomes part of. */
const directory = `${import.meta.dirname}/native`;

/** An argument of a system call; a string or an array of bytes is given by its address. */
type Word = number | bigint | Uint8Array | string | null;
type Syscall = (number: number, ...words: Word[]) => number;
type Launch = (
  args: Uint8Array,
  files: Int32Array,
  count: number,
  argv: (string | null)[],
) => number;

interface Library {
  readonly syscall: Syscall;
  readonly launch: Launch;
  readonly address: typeof address;
}

let library: Library | undefined;

function native(): Library {
  if (library !== undefined) return library;
  const koffi = loadKoffi();
  const loaded = koffi.load(`${directory}/libtsbox.so`);
  library = {
    // To koffi, `void *` is a number as well as whatever has an address.
    syscall: loaded.func(
      'int64 tsbox_syscall(int64 number, void *, void *, void *, void *, void *, void *)',
    ),
    launch: loaded.func(
      'int64 tsbox_launch(void *args, const int *files, int count, const char **argv)',
    ),
    address: koffi.address,
  };
  return library;
}

/** koffi's native part as such (scripts/build.mjs): two of its functions are enough here. */
function loadKoffi(): { readonly load: typeof load; readonly address: typeof address } {
  const addon = { exports: {} as ReturnType<typeof loadKoffi> };
  process.dlopen(addon, `${directory}/koffi.node`);
  return addon.exports;
}

const arch = knownArch(process.arch);

/** A system call that failed; `errno` is the kernel's positive number. */
export class SyscallError extends Error {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${describeErrno(errno)}`);
    this.name = 'SyscallError';
    this.call = call;
    this.errno = errno;
  }
}

/**
 * Makes a system call: numbers are passed as they are, strings and byte arrays by their address (a
 * byte array is where the kernel writes, too).
 * @returns what the kernel returns.
 * @throws SyscallError when that is an error.
 */
export function syscall(
  call: SyscallName,
  a: Word = 0,
  b: Word = 0,
  c: Word = 0,
  d: Word = 0,
  e: Word = 0,
  f: Word = 0,
): number {
  if (arch === undefined) throw new Error(`tsbox has no system call table for ${process.arch}`);
  const result = Number(native().syscall(syscallNumbers[arch][call], a, b, c, d, e, f));
  if (result < 0) throw new SyscallError(call, -result);
  return result;
}

/**
 * Clones a process that runs tsbox-init (native/launch.c).
 * @param cloneArgs `struct clone_args`, clone(2), all 88 bytes of it.
 * @param files descriptors of this process that become 0, 1, 2 … of the new one.
 * @returns its process id.
 * @throws SyscallError when it could not be made.
 */
export function launchInit(cloneArgs: Uint8Array, files: readonly number[]): number {
  const all = Int32Array.from([...files, initProgram()]);
  const result = Number(
    native().launch(cloneArgs, all, all.length, ['tsbox-init', 'container', null]),
  );
  if (result < 0) throw new SyscallError('clone3', -result);
  return result;
}

let program: number | undefined;

/**
 * A descriptor of a sealed copy of tsbox-init in memory: a workload that gets hold of its
 * /proc/PID/exe can change neither the file on disk nor this copy (the class of CVE-2019-5736).
 */
function initProgram(): number {
  if (program !== undefined) return program;
  const bytes = readInit();
  const MFD_CLOEXEC = 1;
  const MFD_ALLOW_SEALING = 2;
  const fd = syscall('memfd_create', 'tsbox-init', MFD_CLOEXEC | MFD_ALLOW_SEALING);
  writeSync(fd, bytes);
  const F_ADD_SEALS = 1033;
  const allSeals = 0x1 | 0x2 | 0x4 | 0x8;
  syscall('fcntl', fd, F_ADD_SEALS, allSeals);
  program = fd;
  return fd;
}

/** The program tsbox-init, as built. */
export function readInit(): Buffer {
  return readFileSync(`${directory}/tsbox-init`);
}

/** Where the kernel finds a buffer's bytes, for pointers inside structures. The buffer must outlive the call. */
export function addressOf(buffer: ArrayBufferView): bigint {
  return BigInt(native().address(buffer));
}

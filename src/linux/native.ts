/**
 * The one door to the kernel: tsbox.node (native/module.c) and the program tsbox-init. Loaded at the
 * first call, as commands that only plan or print do without.
 */
import { readFileSync, writeSync } from 'node:fs';
import { describeErrno } from '../abi/errno.ts';
import { knownArch, type SyscallName, syscallNumbers } from '../abi/syscalls.ts';

/** Where the build puts the native parts: beside the bundle that this file becomes part of. */
const directory = `${import.meta.dirname}/native`;

/** An argument of a system call: a string or an array is given by its address. */
type Word = number | bigint | ArrayBufferView | string | null;

/** As native/module.c describes them. */
interface Native {
  readonly syscall: (number: number, ...words: readonly Word[]) => number;
  readonly launch: (cloneArgs: Uint8Array, files: Int32Array) => number;
  readonly address: (array: ArrayBufferView) => bigint;
  readonly events: () => number;
  readonly nextTimer: () => number;
}

let loaded: Native | undefined;

function native(): Native {
  if (loaded === undefined) {
    const module = { exports: {} as Native };
    process.dlopen(module, `${directory}/tsbox.node`);
    loaded = module.exports;
  }
  return loaded;
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
 * Makes a system call with up to six arguments. Numbers are passed as they are, strings and arrays by
 * their address (an array is where the kernel writes, too).
 * @returns what the kernel returns.
 * @throws SyscallError when that is an error.
 */
export function syscall(call: SyscallName, ...words: readonly Word[]): number {
  if (arch === undefined) throw new Error(`tsbox has no system call table for ${process.arch}`);
  const result = native().syscall(syscallNumbers[arch][call], ...words);
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
  const result = native().launch(cloneArgs, Int32Array.from([...files, initProgram()]));
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

/** What a QEMU has preloaded that would open its guest's memory for writing (native/read-only-ram.c). */
export const readOnlyRam = `${directory}/read-only-ram.so`;

/** Where the kernel finds an array's bytes, for pointers inside structures. The array must outlive the call. */
export function addressOf(array: ArrayBufferView): bigint {
  return native().address(array);
}

/**
 * A descriptor that can be read when something waits for this thread's event loop, so that a thread
 * that waits by itself knows when to return to it. Timers do not show there: {@link nextTimer}.
 */
export function eventsDescriptor(): number {
  return native().events();
}

/** Milliseconds until a timer of this thread's event loop is due; undefined where there is none. */
export function nextTimer(): number | undefined {
  const milliseconds = native().nextTimer();
  return milliseconds < 0 ? undefined : milliseconds;
}

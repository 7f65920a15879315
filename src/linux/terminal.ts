/** Terminals: ioctl_tty(2), termios(3). */
import { ioctlRequests } from '../abi/flags.ts';
import type { ConsoleSize } from '../spec/spec.ts';
import { SyscallError, syscall } from './native.ts';

/** The kernel's `struct termios`, asm-generic/termbits.h: four flag words, a line discipline, 19 characters. */
export type TerminalMode = Uint8Array;

const MODE_SIZE = 36;
const CHARACTERS = 17;

/** @returns undefined where the descriptor is no terminal, or one that has been hung up. */
export function terminalMode(fd: number): TerminalMode | undefined {
  const mode = new Uint8Array(MODE_SIZE);
  return askTerminal(fd, ioctlRequests.TCGETS, mode) ? mode : undefined;
}

/** In the background that stops this process, as tcsetattr(3) would. */
export function setTerminalMode(fd: number, mode: TerminalMode): void {
  askTerminal(fd, ioctlRequests.TCSETS, mode);
}

/** What cfmakeraw(3) makes of a mode: every key is a byte, and nothing is echoed, changed or obeyed. */
export function rawMode(mode: TerminalMode): TerminalMode {
  const raw = mode.slice();
  const words = new Uint32Array(raw.buffer, 0, 4);
  const IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON = 0o2753;
  const OPOST = 1;
  const CSIZE_PARENB = 0o460;
  const CS8 = 0o60;
  const ECHO_ECHONL_ICANON_ISIG_IEXTEN = 0o100113;
  words[0] = (words[0] ?? 0) & ~IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON;
  words[1] = (words[1] ?? 0) & ~OPOST;
  words[2] = ((words[2] ?? 0) & ~CSIZE_PARENB) | CS8;
  words[3] = (words[3] ?? 0) & ~ECHO_ECHONL_ICANON_ISIG_IEXTEN;
  const [VTIME, VMIN] = [CHARACTERS + 5, CHARACTERS + 6];
  raw[VTIME] = 0;
  raw[VMIN] = 1;
  return raw;
}

/** VEOF: the key that ends what is typed; Ctrl-D, the usual one, where the descriptor is no terminal. */
export function endOfFileKey(fd: number): number {
  const VEOF = CHARACTERS + 4;
  return terminalMode(fd)?.[VEOF] ?? 0x04;
}

/** @returns undefined where the descriptor is no terminal, or one that has been hung up. */
export function windowSize(fd: number): ConsoleSize | undefined {
  // struct winsize: rows, columns, and two that are not used.
  const size = new Uint16Array(4);
  if (!askTerminal(fd, ioctlRequests.TIOCGWINSZ, size)) return undefined;
  return { height: size[0] ?? 0, width: size[1] ?? 0 };
}

export function setWindowSize(fd: number, { height, width }: ConsoleSize): void {
  askTerminal(fd, ioctlRequests.TIOCSWINSZ, Uint16Array.of(height, width, 0, 0));
}

/** Whether this process may read it: of another session's terminal, nobody is kept from that. */
export function isInForeground(fd: number): boolean {
  const group = new Int32Array(1);
  return !askTerminal(fd, ioctlRequests.TIOCGPGRP, group) || group[0] === syscall('getpgid', 0);
}

/** As isatty(3), whatever else the descriptor is: drivers have their own errors for what they do not know. */
function askTerminal(fd: number, request: number, answer: ArrayBufferView): boolean {
  try {
    syscall('ioctl', fd, request, answer);
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

/** How the end of a pipe is typed at a terminal: termios(3), VEOF. */

export const NEWLINE = 0x0a;

/**
 * In the middle of a line the first key only ends the wait for the rest of it.
 * @param key which one it is at that terminal.
 * @param last the byte that was typed before.
 */
export function endOfFile(key: number, last: number): Uint8Array {
  return Uint8Array.of(...(last === NEWLINE ? [] : [key]), key);
}

/** How the end of a pipe is typed at a terminal: termios(3), VEOF. */

/**
 * Milliseconds after which it is typed again: a pipe that has ended stays so, while a terminal forgets
 * it, and loses it where a program changes the mode of the terminal before it reads.
 */
export const END_OF_FILE_AGAIN = 200;

export const NEWLINE = 0x0a;

/**
 * In the middle of a line the first key only ends the wait for the rest of it.
 * @param key which one it is at that terminal.
 * @param last the byte that was typed before.
 */
export function endOfFile(key: number, last: number): Uint8Array {
  return Uint8Array.of(...(last === NEWLINE ? [] : [key]), key);
}

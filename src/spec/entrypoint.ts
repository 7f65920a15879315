/**
 * `--entrypoint PROGRAM` or `--entrypoint '["PROGRAM", "ARGUMENT", …]'`: what is executed, with COMMAND
 * as its further arguments. An image of tsbox's has no entry point of its own that it would replace.
 */
import { SpecError } from './errors.ts';

/** Anything but a JSON array of texts is the program's name, as with podman. @throws SpecError */
export function parseEntrypoint(value: string): readonly string[] {
  const array = arrayOf(value);
  if (array === undefined && /^\s*\[\s*"/.test(value)) {
    throw new SpecError([
      `--entrypoint ${value}: not a JSON array of texts, such as ["sh", "-c"]; a program's name alone is allowed, too`,
    ]);
  }
  const words = array ?? (value === '' ? [] : [value]);
  if (!words.some((word) => word.includes('\0'))) return words;
  throw new SpecError(['--entrypoint: a zero byte, at which the kernel would end the argument']);
}

function arrayOf(value: string): string[] | undefined {
  try {
    const array: unknown = JSON.parse(value);
    return Array.isArray(array) && array.every((word) => typeof word === 'string')
      ? array
      : undefined;
  } catch {
    return undefined;
  }
}

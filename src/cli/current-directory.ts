import { BoxError } from '../sandbox/errors.ts';

/** @throws BoxError when it has been removed since somebody went there. */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new BoxError(
      'the current directory is not there any more: go to one that is, such as with `cd /`',
      { cause: error },
    );
  }
}

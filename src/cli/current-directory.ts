import { BoxError } from '../sandbox/errors.ts';

/** @throws BoxError when it has been removed since somebody went there, or is too deep to be named. */
export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = gone ? 'is not there any more' : `has no path: ${(error as Error).message}`;
    throw new BoxError(`the current directory ${why}: go to another one, such as with \`cd /\``, {
      cause: error,
    });
  }
}

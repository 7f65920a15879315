/** What some flags are about beside the box itself: looked at when such a flag is there, and not before. */
import { SpecError } from './errors.ts';

export interface Outside {
  /**
   * Reads a file of the caller's.
   * @param what the flag with the file's name: what a problem begins with.
   * @throws SpecError
   */
  readFile(what: string, path: string): Uint8Array;
  /** The directory of an image. @throws SpecError */
  findImage(what: string, name: string): string;
  /** How many descriptors from 3 on tsbox was started with. */
  inherited(): number;
  /** The host's own name. */
  hostname(): string;
}

const nothing = (what: string): never => {
  throw new SpecError([`${what}: nobody is there who would look it up: Caller.outside is missing`]);
};

/** For a caller of the library that needs none of it. */
export const noOutside: Outside = {
  readFile: nothing,
  findImage: nothing,
  inherited: () => 0,
  hostname: () => nothing('--uts host'),
};

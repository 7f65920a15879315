/** What some flags are about beside the box itself: looked at when such a flag is there, and not before. */
import { SpecError } from './errors.ts';
import type { IdMapping, Mount, NamespaceType } from './spec.ts';

/** A box that is running. */
export interface OtherBox {
  readonly id: string;
  readonly kind: 'container' | 'vm';
  readonly hostname?: string;
  /** Both are empty where it has the ids of the host. */
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly volumes: readonly Mount[];
  /** A path that leads to its namespace, and to no other one for as long as tsbox runs. @throws SpecError */
  namespace(type: NamespaceType): string;
}

export interface Outside {
  /** @throws SpecError */
  findBox(what: string, word: string): OtherBox;
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
  findBox: nothing,
  readFile: nothing,
  findImage: nothing,
  inherited: () => 0,
  hostname: () => nothing('--uts host'),
};

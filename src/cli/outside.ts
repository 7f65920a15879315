/** What few command lines ask for, of this host and of who runs tsbox. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { dataDirectory, findImage } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import { bytesOfText } from '../spec/byte-text.ts';
import { SpecError } from '../spec/errors.ts';
import type { Outside } from '../spec/outside.ts';
import { currentDirectory } from './current-directory.ts';
import { findBox } from './other-box.ts';

export const outside: Outside = {
  findBox,
  readFile: (what, path) => {
    try {
      return readFileSync(bytesOfText(resolve(currentDirectory(), path)));
    } catch (error) {
      const { message } = error as Error;
      throw new SpecError([`${what}: ${message}: it must be a file that you can read`]);
    }
  },
  findImage: (what, name) => {
    try {
      const data = dataDirectory(process.env, process.getuid?.() ?? 0);
      return findImage(name, data, currentDirectory());
    } catch (error) {
      if (error instanceof BoxError) throw new SpecError([`${what}: ${error.message}`]);
      throw error;
    }
  },
  // Counted by native/tsbox.c: Node has opened others meanwhile.
  inherited: () => Number(process.env.TSBOX_OPEN_FILES?.split(':')[2] ?? 0),
  hostname,
};

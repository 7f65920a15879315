/**
 * Where the program starts: with the part of it that the command needs, and with the compiled code
 * of all that the command used when it ran before. Compiling is most of the start-up of a program in
 * JavaScript, and Node's own cache (module.enableCompileCache) has only what is compiled while a
 * file is loaded.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Script } from 'node:vm';
import type * as all from './all.ts';

/** Told by the build: which one it is. V8 takes any code for that of a text of the same length. */
declare const BUILD: string;

const { O_RDONLY, O_NONBLOCK } = constants;
const [command = '', ...words] = process.argv.slice(2);
const part =
  command === 'run' && !words.some((word) => /^--vm(=true)?$/.test(word)) ? 'run-container' : 'all';
const filename = `${import.meta.dirname}/${part}.cjs`;
const directory = `${import.meta.dirname}/.compiled`;
const cache = /^[a-z]+$/.test(command) ? `${directory}/${part}-${command}-${BUILD}` : undefined;

const cachedData = cache === undefined ? undefined : readIfThere(cache);
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
const module = { exports: {} as typeof all };
// The build makes each part a function, as Node makes every such file one.
script.runInThisContext()(module, require, import.meta.dirname);

void module.exports.ended.then((well) => {
  // Rejected: it was made by another Node.
  const worse = cachedData === undefined || script.cachedDataRejected;
  if (cache !== undefined && worse && well) keep(cache, script.createCachedData());
  module.exports.exit(Number(process.exitCode ?? 0));
});

function readIfThere(path: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    // A FIFO would wait for somebody who writes.
    fd = openSync(path, O_RDONLY | O_NONBLOCK);
    return readFileSync(fd);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** As a whole or not at all, a power failure included: V8 trusts what it reads. Where it cannot be written, starts stay slower. */
function keep(path: string, data: Buffer): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    writeFileSync(`${path}.new`, data, { flag: 'wx', mode: 0o644, flush: true });
    renameSync(`${path}.new`, path);
  } catch {
    // This user may not, or another tsbox is writing it, perhaps one that was killed meanwhile.
    try {
      rmSync(`${path}.new`, { force: true });
    } catch {
      // It is no file that could stay.
    }
  }
}

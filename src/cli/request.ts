/** From the words of a command line to the box that they ask for. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { dataDirectory, findImage, findRootfs, imageFacts } from '../image/image.ts';
import { readCallerIds } from '../linux/caller-ids.ts';
import { findDevices } from '../linux/devices.ts';
import { boundingSet } from '../linux/host.ts';
import { findPasta } from '../sandbox/find-pasta.ts';
import { hostArch } from '../sandbox/host.ts';
import { findNetwork } from '../sandbox/network-definitions.ts';
import type { BoxRequest } from '../spec/box.ts';
import { type CallerIds, plainRoot } from '../spec/caller-ids.ts';
import { SpecError } from '../spec/errors.ts';
import { specFromOptions } from '../spec/from-options.ts';
import type { Caller } from '../spec/run-options.ts';
import { seccompFile } from '../spec/seccomp-option.ts';
import { ownSize } from '../terminal/attendance.ts';
import { currentDirectory } from './current-directory.ts';
import { outside } from './outside.ts';
import { say } from './print.ts';
import type { RunArguments } from './run-arguments.ts';

/** @throws SpecError for what is wrong with the flags, BoxError for an image that is not there. */
export async function toRequest(words: RunArguments): Promise<BoxRequest> {
  const { image, seccompLog } = words;
  const request =
    image.kind === 'config' ? await fromConfig(image.file, words) : fromFlags(image, words);
  return seccompLog ? { ...request, watch: 'denied' } : request;
}

/** Few runs have one, and what reads it is a part of the program of its own. */
async function fromConfig(file: string, { driver }: RunArguments): Promise<BoxRequest> {
  const { readConfigFile } = await import('./config.ts');
  const read = readConfigFile(file, currentDirectory(), driver);
  if ('problems' in read) throw new SpecError(read.problems);
  for (const note of read.notes) say(note);
  return withSize(read.request);
}

/** "If consoleSize is absent, the runtime decides": that of the terminal which shows it. */
function withSize(request: BoxRequest): BoxRequest {
  const { process } = request.spec;
  const consoleSize = process.terminal && process.consoleSize === undefined ? ownSize() : undefined;
  if (consoleSize === undefined) return request;
  return { ...request, spec: { ...request.spec, process: { ...process, consoleSize } } };
}

function fromFlags(
  image: Exclude<RunArguments['image'], { readonly kind: 'config' }>,
  { driver, options }: RunArguments,
): BoxRequest {
  const consoleSize = options.tty ? ownSize() : undefined;
  const data = dataDirectory(process.env, process.getuid?.() ?? 0);
  const rootfs =
    image.kind === 'rootfs'
      ? findRootfs(image.directory, currentDirectory())
      : findImage(image.word, data, currentDirectory());
  return specFromOptions(options, imageFacts(rootfs), {
    env: process.env,
    cwd: currentDirectory(),
    findDevices,
    outside,
    findNetwork: (name) => findNetwork(data, name),
    ...(driver === 'vm' ? {} : { findPasta }),
    ids: callerIds(driver, options),
    ...(consoleSize === undefined ? {} : { consoleSize }),
    // A guest's kernel has them all.
    ...(options.capAdd.length === 0 || driver === 'vm' ? {} : { boundingSet: boundingSet() }),
    ...readSeccomp(options.securityOpt),
  });
}

function readSeccomp(words: readonly string[]): Pick<Caller, 'seccomp'> {
  const file = seccompFile(words);
  if (file === undefined) return {};
  try {
    const text = readFileSync(resolve(currentDirectory(), file), 'utf8');
    return { seccomp: { text, arch: hostArch(), kernel: release() } };
  } catch (error) {
    throw new SpecError([
      `--security-opt seccomp=${file}: ${(error as Error).message}: it must be a profile, as JSON`,
    ]);
  }
}

/** A guest's kernel has all ids, whoever starts it. */
function callerIds(driver: RunArguments['driver'], words: RunArguments['options']): CallerIds {
  const asked = words.userns !== undefined || words.uidmap.length > 0 || words.gidmap.length > 0;
  return driver === 'vm' && !asked ? plainRoot : readCallerIds();
}

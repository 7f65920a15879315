/** From the words of a command line to the box that they ask for. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { dataDirectory, findImage, findRootfs, imageFacts } from '../image/image.ts';
import { readCallerIds } from '../linux/caller-ids.ts';
import { findDevices } from '../linux/devices.ts';
import { boundingSet } from '../linux/host.ts';
import { BoxError } from '../sandbox/errors.ts';
import { findPasta } from '../sandbox/find-pasta.ts';
import { hostArch } from '../sandbox/host.ts';
import { findNetwork } from '../sandbox/network-definitions.ts';
import type { BoxRequest } from '../spec/box.ts';
import { bytesOfText, textOfBytes } from '../spec/byte-text.ts';
import { type CallerIds, plainRoot } from '../spec/caller-ids.ts';
import { type ProblemList, SpecError } from '../spec/errors.ts';
import { specFromOptions } from '../spec/from-options.ts';
import type { UsualNetwork } from '../spec/network.ts';
import type { Caller, ImageFacts, RunOptions } from '../spec/run-options.ts';
import { seccompFile } from '../spec/seccomp-option.ts';
import { ownSize } from '../terminal/attendance.ts';
import { currentDirectory } from './current-directory.ts';
import { exactVariables } from './exact-words.ts';
import { outside } from './outside.ts';
import { say } from './print.ts';
import type { RunArguments } from './run-arguments.ts';

/** What of a command line the box depends on. */
export type RequestWords = Pick<
  RunArguments,
  'image' | 'driver' | 'options' | 'machine' | 'seccompLog' | 'problems'
>;

/** @throws SpecError for what is wrong with the flags, BoxError for an image that is not there. */
export async function toRequest(words: RequestWords): Promise<BoxRequest> {
  const { image, seccompLog, machine, problems } = words;
  const request = await toldTogether(problems, () => requestOf(image, words));
  return { ...request, machine, ...(seccompLog ? { watch: 'denied' } : {}) };
}

/** @throws SpecError with what is wrong by now; then another error says nothing: a word may be meant for another. */
async function toldTogether<T>(problems: ProblemList, make: () => T | Promise<T>): Promise<T> {
  let made: T;
  try {
    made = await make();
  } catch (error) {
    if (error instanceof SpecError) for (const problem of error.problems) problems.add(problem);
    problems.throwIfAny();
    throw error;
  }
  problems.throwIfAny();
  return made;
}

function requestOf(
  image: RunArguments['image'],
  words: RequestWords,
): BoxRequest | Promise<BoxRequest> {
  switch (image.kind) {
    case 'config':
      return fromConfig(image.file, words);
    case 'snapshot':
      return fromSnapshot(image.name, words);
    default:
      return fromFlags(image, words);
  }
}

/** What it was saved with, on the network that is asked for now. */
async function fromSnapshot(name: string, words: RequestWords): Promise<BoxRequest> {
  const { requestOfSnapshot } = await import('./from-snapshot.ts');
  const [data, cwd] = [dataDirectory(process.env, process.getuid?.() ?? 0), currentDirectory()];
  return requestOfSnapshot(name, words, data, callerOf(words, data, cwd));
}

/** Few runs have one, and what reads it is a part of the program of its own. */
async function fromConfig(file: string, { driver }: RequestWords): Promise<BoxRequest> {
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

type NamedImage = Extract<RunArguments['image'], { readonly kind: 'image' | 'rootfs' }>;

function fromFlags(image: NamedImage, words: RequestWords): BoxRequest {
  const { problems } = words;
  const [data, cwd] = [dataDirectory(process.env, process.getuid?.() ?? 0), currentDirectory()];
  const seccomp = problems.attempt(() => readSeccomp(words.options.securityOpt), undefined);
  const options = seccomp === undefined ? withoutSeccomp(words.options) : words.options;
  const caller = { ...callerOf(words, data, cwd), ...seccomp };
  const isClear = !problems.some;
  try {
    return specFromOptions(options, imageFacts(findRoot(image, data, cwd)), caller);
  } catch (error) {
    // An image that is not there keeps nothing else from being told, unless a word was taken for it.
    if (!(error instanceof BoxError) || !isClear) throw error;
    problems.attempt(() => specFromOptions(withoutUsers(options), noImage, caller), undefined);
    if (problems.some) problems.add(error.message);
    throw error;
  }
}

function findRoot(image: NamedImage, data: string, cwd: string): string {
  return image.kind === 'rootfs'
    ? findRootfs(image.directory, cwd)
    : findImage(image.word, data, cwd);
}

const noImage: ImageFacts = { rootfs: '/', passwd: '', group: '' };

/** Of an image that is not there nobody's name can be looked up. */
function withoutUsers({ user: _, ...options }: RunOptions): RunOptions {
  return { ...options, groupAdd: [] };
}

function callerOf({ driver, options }: RequestWords, data: string, cwd: string): Caller {
  const consoleSize = options.tty ? ownSize() : undefined;
  const ids = callerIds(driver, options);
  return {
    env: exactVariables(process.env),
    cwd,
    findDevices,
    outside,
    findNetwork: (name) => findNetwork(data, name),
    findPasta,
    usualNetwork: usualNetwork(driver, ids),
    ids,
    ...(consoleSize === undefined ? {} : { consoleSize }),
    // A guest's kernel has them all.
    ...(options.capAdd.length === 0 || driver === 'vm' ? {} : { boundingSet: boundingSet() }),
  };
}

/** Interfaces of the host's are root's; a container of a nested root's has none to be connected to. */
function usualNetwork(driver: RunArguments['driver'], { kind }: CallerIds): UsualNetwork {
  if (driver === 'vm') return process.geteuid?.() === 0 ? 'bridge' : 'pasta';
  return kind === 'root' ? 'bridge' : kind === 'user' ? 'pasta' : 'none';
}

/** A profile that cannot be read is told of already. */
function withoutSeccomp(options: RunOptions): RunOptions {
  const isOther = (word: string) => seccompFile([word]) === undefined;
  return { ...options, securityOpt: options.securityOpt.filter(isOther) };
}

function readSeccomp(words: readonly string[]): Pick<Caller, 'seccomp'> {
  const file = seccompFile(words);
  if (file === undefined) return {};
  try {
    const text = textOfBytes(readFileSync(bytesOfText(resolve(currentDirectory(), file))));
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

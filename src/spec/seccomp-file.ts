/**
 * A seccomp profile as people have it: the OCI runtime specification's `linux.seccomp`, or the file
 * format of docker and podman, which adds `archMap`, the old `name`, errors by name, and rules that
 * hold only with some capabilities, architectures or kernels. All that is wrong with it is said.
 */
import { errnoNumber, isErrnoName } from '../abi/errno.ts';
import {
  architecturesOf,
  type SeccompArchitecture,
  seccompActions,
  seccompArchitectures,
  seccompFilterFlags,
  seccompOperators,
} from '../abi/seccomp.ts';
import type { Arch } from '../abi/syscalls.ts';
import { ProblemList, SpecError } from './errors.ts';
import { JsonObject, parseJson } from './json.ts';
import type { Seccomp, SeccompArgument, SeccompFlag, SeccompRule } from './seccomp.ts';

/** What the conditions of a profile ask for. */
export interface ProfileFacts {
  readonly arch: Arch;
  /** Release of the kernel, such as `6.1.0-13-amd64`. */
  readonly kernel: string;
  /** Of the box's bounding set. */
  readonly capabilities: readonly string[];
}

/** @param name stands before every problem. @throws SpecError */
export function readProfile(text: string, name: string, facts: ProfileFacts): Seccomp {
  const problems = new ProblemList();
  const profile = JsonObject.from(parseJson(text, name), { name, path: '', problems });
  const seccomp = toSeccomp(profile, facts);
  problems.throwIfAny();
  checkSense(seccomp, name);
  return seccomp;
}

const actions = Object.keys(seccompActions) as (keyof typeof seccompActions)[];
const operators = Object.keys(seccompOperators) as (keyof typeof seccompOperators)[];
const flags = (Object.keys(seccompFilterFlags) as (keyof typeof seccompFilterFlags)[]).filter(
  (flag): flag is SeccompFlag => flag !== 'SECCOMP_FILTER_FLAG_NEW_LISTENER',
);

/** Of a part of something larger, whose problems it has. */
export function profileIn(
  profile: JsonObject,
  facts: ProfileFacts,
  name: string,
  problems: ProblemList,
): Seccomp {
  const seccomp = toSeccomp(profile, facts);
  problems.attempt(() => checkSense(seccomp, name), undefined);
  return seccomp;
}

function toSeccomp(profile: JsonObject, facts: ProfileFacts): Seccomp {
  profile.allow([
    'defaultAction',
    'defaultErrnoRet',
    'defaultErrno',
    'architectures',
    'archMap',
    'flags',
    'listenerPath',
    'listenerMetadata',
    'syscalls',
  ]);
  const defaultErrnoRet = errnoOf(profile, 'defaultErrnoRet', 'defaultErrno');
  const architectures = architecturesIn(profile, facts.arch);
  const words = profile.has('flags') ? profile.words('flags', flags) : undefined;
  const listener = listenerOf(profile);
  return {
    defaultAction: profile.word('defaultAction', actions) ?? 'SCMP_ACT_ERRNO',
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures === undefined ? {} : { architectures }),
    ...(words === undefined ? {} : { flags: words }),
    ...listener,
    syscalls: profile
      .objects('syscalls')
      .flatMap((rule) => (holds(rule, facts) ? [toRule(rule)] : [])),
  };
}

/** UNIX_PATH_MAX of unix(7), without the final zero. */
const MAX_SOCKET_PATH = 107;

function listenerOf(profile: JsonObject): Pick<Seccomp, 'listenerPath' | 'listenerMetadata'> {
  const listenerPath = profile.has('listenerPath') ? profile.text('listenerPath') : undefined;
  const metadata = profile.has('listenerMetadata') ? profile.text('listenerMetadata') : undefined;
  const fits = (path: string) =>
    path.startsWith('/') && Buffer.byteLength(path) <= MAX_SOCKET_PATH && !path.includes('\0');
  if (listenerPath !== undefined && !fits(listenerPath))
    profile.problem(
      'listenerPath',
      `${listenerPath}: not an absolute path of ${MAX_SOCKET_PATH} bytes at most`,
    );
  if (metadata !== undefined && listenerPath === undefined)
    profile.problem('listenerMetadata', 'there is no listenerPath to which it could be sent');
  return {
    ...(listenerPath === undefined ? {} : { listenerPath }),
    ...(metadata === undefined ? {} : { listenerMetadata: metadata }),
  };
}

function toRule(rule: JsonObject): SeccompRule {
  const errnoRet = errnoOf(rule, 'errnoRet', 'errno');
  const args = rule.objects('args').map(toArgument);
  const names = rule.has('name') ? [rule.text('name') ?? ''] : rule.texts('names');
  if (names.length === 0) rule.problem('names', 'no system call is named');
  return {
    names,
    action: rule.word('action', actions) ?? 'SCMP_ACT_ERRNO',
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args.length === 0 ? {} : { args }),
  };
}

function toArgument(argument: JsonObject): SeccompArgument {
  argument.allow(['index', 'value', 'valueTwo', 'op']);
  return {
    index: Number(argument.integer('index', 5n) ?? 0),
    value: argument.integer('value') ?? 0,
    ...(argument.has('valueTwo') ? { valueTwo: argument.integer('valueTwo') ?? 0 } : {}),
    op: argument.word('op', operators) ?? 'SCMP_CMP_EQ',
  };
}

/** MAX_ERRNO, linux/err.h: a filter answers with none above. */
const MAX_ERRNO = 4095n;

function errnoOf(object: JsonObject, number: string, name: string): number | undefined {
  if (object.has(number)) return Number(object.integer(number, MAX_ERRNO) ?? 0);
  if (!object.has(name)) return undefined;
  const word = object.text(name);
  if (word === undefined || word === '') return undefined;
  if (isErrnoName(word)) return errnoNumber(word);
  object.problem(name, `${word} is no error of errno(3)`);
  return undefined;
}

function architecturesIn(profile: JsonObject, arch: Arch): SeccompArchitecture[] | undefined {
  const given = profile.has('architectures')
    ? profile.words('architectures', seccompArchitectures)
    : undefined;
  if (!profile.has('archMap')) return given;
  if (given !== undefined && given.length > 0)
    profile.problem('archMap', 'and architectures exclude each other: give one of them');
  const [own] = architecturesOf[arch].keys();
  return profile.objects('archMap').flatMap((entry) => {
    entry.allow(['architecture', 'subArchitectures']);
    const main = entry.word('architecture', seccompArchitectures);
    const others = entry.words('subArchitectures', seccompArchitectures);
    return main !== undefined && main === own ? [main, ...others] : [];
  });
}

/** Go's names of the architectures, in which these files speak. */
const goArch: Readonly<Record<Arch, string>> = { x64: 'amd64', arm64: 'arm64' };

function holds(rule: JsonObject, facts: ProfileFacts): boolean {
  rule.allow([
    'names',
    'name',
    'action',
    'errnoRet',
    'errno',
    'args',
    'comment',
    'includes',
    'excludes',
  ]);
  const includes = conditionsOf(rule, 'includes');
  const excludes = conditionsOf(rule, 'excludes');
  const has = (name: string) => facts.capabilities.includes(name);
  const late = (least: string) => isAtLeast(facts.kernel, least);
  return (
    includes.caps.every(has) &&
    (includes.arches.length === 0 || includes.arches.includes(goArch[facts.arch])) &&
    (includes.minKernel === undefined || late(includes.minKernel)) &&
    !excludes.caps.some(has) &&
    !excludes.arches.includes(goArch[facts.arch]) &&
    (excludes.minKernel === undefined || !late(excludes.minKernel))
  );
}

function conditionsOf(rule: JsonObject, key: string) {
  const conditions = rule.object(key);
  conditions.allow(['caps', 'arches', 'minKernel']);
  const minKernel = conditions.has('minKernel') ? conditions.text('minKernel') : undefined;
  if (minKernel !== undefined && !/^\d+\.\d+$/.test(minKernel))
    conditions.problem('minKernel', `${minKernel} is no version such as 4.8`);
  return { caps: conditions.texts('caps'), arches: conditions.texts('arches'), minKernel };
}

function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** What is well formed, and yet no box could be run with it. */
function checkSense(seccomp: Seccomp, name: string): void {
  const { defaultAction, syscalls = [] } = seccomp;
  const all = [defaultAction, ...syscalls.map(({ action }) => action)];
  if (all.includes('SCMP_ACT_NOTIFY') && seccomp.listenerPath === undefined)
    throw new SpecError([
      `${name}: SCMP_ACT_NOTIFY without listenerPath: nobody would answer: name the agent's socket, or use SCMP_ACT_ERRNO`,
    ]);
  const passing = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY'];
  const passes = (action: string) => passing.includes(action);
  const about = syscalls.filter(({ names }) => names.includes('execve'));
  const answers = about.length === 0 ? [defaultAction] : about.map(({ action }) => action);
  if (!answers.some(passes))
    throw new SpecError([
      `${name}: execve is not allowed, so that the workload cannot be started: the filter is there before it`,
    ]);
}

/**
 * An OCI bundle's `config.json` (runtime-spec, config.md) as tsbox's specification. Everything that is
 * wrong with it is said at once, each with the field's path. As the specification asks, fields that
 * tsbox does not know are ignored, and told of; what it knows and does not do is refused.
 */
import { posix } from 'node:path';
import type { Arch } from '../abi/syscalls.ts';
import { processProblems } from './check-process.ts';
import { readHooks } from './config-hooks.ts';
import { readLinux, readNamespaces } from './config-linux.ts';
import { readMounts } from './config-mounts.ts';
import { readProcess } from './config-process.ts';
import { ProblemList } from './errors.ts';
import { JsonObject, parseJson } from './json.ts';
import { profileIn } from './seccomp-file.ts';
import type { Root, Spec } from './spec.ts';

/** What the meaning of a configuration depends on. */
export interface ConfigFacts {
  /** Absolute: the directory that the configuration's own paths start from. */
  readonly bundle: string;
  readonly arch: Arch;
  /** Release of the kernel on which the box runs. */
  readonly kernel: string;
  /** Of the caller: file mode creation mask. */
  readonly umask: number;
  /** Capabilities that can be given; every one where it is not known. */
  readonly boundingSet?: readonly string[] | undefined;
}

export interface Config {
  readonly spec: Spec;
  /** A sentence each, of what is ignored. */
  readonly notes: readonly string[];
}

const known = [
  'ociVersion',
  'root',
  'process',
  'hostname',
  'domainname',
  'mounts',
  'linux',
  'hooks',
  'annotations',
];

/** Of other systems, for which a configuration may say something, too. */
const platforms = ['windows', 'solaris', 'zos', 'freebsd'];

/** @param name stands before every problem. @throws SpecError */
export function readConfig(text: string, name: string, facts: ConfigFacts): Config {
  const problems = new ProblemList();
  const notes: string[] = [];
  const place = { name, path: '', problems, notes };
  const config = JsonObject.from(parseJson(text, name), place);
  config.ignoreOthers([...known, ...platforms, 'vm']);
  for (const platform of platforms)
    if (config.has(platform)) config.note(platform, 'about another system, and ignored');
  if (config.has('vm'))
    config.problem(
      'vm',
      'tsbox has a hypervisor, a kernel and their parameters of its own: leave it out, and use --vm',
    );
  const ociVersion = readVersion(config);
  const namespaces = readNamespaces(config.object('linux'));
  const types = namespaces.map(({ type }) => type);
  // The first process of a user namespace has every capability there, user_namespaces(7).
  const { boundingSet, ...others } = facts;
  const process = readProcess(config, types.includes('user') ? others : facts);
  const profile = { ...others, capabilities: process.capabilities.bounding };
  const linux = readLinux(config, namespaces, (seccomp) =>
    profileIn(seccomp, profile, `${name}: linux.seccomp`, problems),
  );
  const annotations = config.textsByName('annotations');
  if (Object.hasOwn(annotations, '')) config.problem('annotations[""]', 'its name is empty');
  const hooks = readHooks(config);
  const spec: Spec = {
    ociVersion,
    process,
    root: readRoot(config, facts.bundle),
    ...readNames(config, types),
    mounts: readMounts(config, facts.bundle, linux),
    linux,
    ...(hooks === undefined ? {} : { hooks }),
    ...(config.has('annotations') ? { annotations } : {}),
  };
  checkTogether(spec, config);
  for (const problem of processProblems(spec)) problems.add(`${name}: ${problem}`);
  problems.throwIfAny();
  return { spec, notes };
}

/** Semantic Versioning 2.0.0; each 1.x is compatible with all others. */
const version = /^(\d+)\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

function readVersion(config: JsonObject): string {
  const text = config.text('ociVersion') ?? '';
  const [, major] = version.exec(text) ?? [];
  if (text !== '' && major === undefined)
    config.problem('ociVersion', `${text}: not a version such as 1.2.0`);
  else if (major !== undefined && major !== '1')
    config.problem('ociVersion', `${text}: tsbox knows the versions 1.x of the specification`);
  return text;
}

function readRoot(config: JsonObject, bundle: string): Root {
  if (!config.has('root')) config.problem('root', 'missing');
  const root = config.object('root');
  root.ignoreOthers(['path', 'readonly']);
  const path = config.has('root') ? (root.text('path') ?? '') : '';
  if (config.has('root') && path === '' && root.has('path')) root.problem('path', 'empty');
  return { path: posix.resolve(bundle, path), readonly: root.flag('readonly') };
}

/** sethostname(2), setdomainname(2) */
const MAX_NAME = 64;

function readNames(
  config: JsonObject,
  types: readonly string[],
): Pick<Spec, 'hostname' | 'domainname'> {
  const read = (key: 'hostname' | 'domainname') => {
    const name = config.has(key) ? config.text(key) : undefined;
    if (name === undefined || name === '') return {};
    if (Buffer.byteLength(name) > MAX_NAME)
      config.problem(key, `longer than the kernel takes: ${MAX_NAME} bytes`);
    if (!types.includes('uts'))
      config.problem(key, 'it would be the host’s: list {"type": "uts"} in linux.namespaces');
    return { [key]: name };
  };
  return { ...read('hostname'), ...read('domainname') };
}

function checkTogether({ linux, mounts, hooks, process }: Spec, config: JsonObject): void {
  const { sysctl = {}, seccomp } = linux;
  const inProc = Object.keys(sysctl).length > 0;
  if (inProc && !mounts.some(({ type }) => type === 'proc'))
    config.problem('linux.sysctl', 'it is written to /proc: add a mount of type proc');
  const listens = typeof seccomp === 'object' && seccomp.listenerPath !== undefined;
  if (listens && hooks?.startContainer !== undefined)
    config.problem(
      'hooks.startContainer',
      'the hook has the workload’s seccomp filter, and its agent (linux.seccomp.listenerPath) would be asked of two processes: leave one of them out',
    );
  const atPts = mounts.findLast(({ destination }) => destination === '/dev/pts');
  if (process.terminal && atPts?.type !== 'devpts')
    config.problem('process.terminal', 'it comes from a mount of type devpts at /dev/pts: add it');
}

/** `process` of an OCI configuration (config.md, "Process"). */
import { capabilityNames } from '../abi/capabilities.ts';
import { rlimitNumbers } from '../abi/rlimits.ts';
import {
  ioPriorityClasses,
  type SchedulerFlag,
  schedulerFlags,
  schedulerPolicies,
} from '../abi/scheduling.ts';
import type { ConfigFacts } from './config-file.ts';
import { absoluteText } from './config-path.ts';
import { MOST_GROUPS, tooManyGroups } from './groups.ts';
import type { JsonObject } from './json.ts';
import { isNumberList } from './number-list.ts';
import type { CapabilitySets, IoPriority, Process, Rlimit, Scheduler, User } from './spec.ts';

const known = [
  'terminal',
  'consoleSize',
  'cwd',
  'env',
  'args',
  'user',
  'capabilities',
  'rlimits',
  'noNewPrivileges',
  'apparmorProfile',
  'selinuxLabel',
  'oomScoreAdj',
  'scheduler',
  'ioPriority',
  'execCPUAffinity',
  'commandLine',
];

export function readProcess(config: JsonObject, facts: ConfigFacts): Process {
  if (!config.has('process')) config.problem('process', 'missing: there is nothing to run');
  const process = config.object('process');
  process.ignoreOthers(known);
  if (process.has('commandLine')) process.note('commandLine', 'about another system, and ignored');
  checkAffinity(process.object('execCPUAffinity'));
  const { terminal, ...size } = readTerminal(process);
  return {
    args: readArgs(process, config.has('process')),
    env: readEnv(process),
    cwd: config.has('process') ? absoluteText(process, 'cwd') : '/',
    user: readUser(process.object('user'), facts),
    capabilities: readCapabilities(process.object('capabilities'), facts),
    rlimits: readRlimits(process),
    noNewPrivileges: process.flag('noNewPrivileges'),
    ...(terminal ? { terminal, ...size } : {}),
    ...readLabel(process, 'apparmorProfile'),
    ...readLabel(process, 'selinuxLabel'),
    ...readScore(process),
    ...(process.has('ioPriority')
      ? { ioPriority: readIoPriority(process.object('ioPriority')) }
      : {}),
    ...(process.has('scheduler') ? { scheduler: readScheduler(process.object('scheduler')) } : {}),
  };
}

function readArgs(process: JsonObject, there: boolean): string[] {
  const args = process.texts('args');
  if (there && (args[0] ?? '') === '')
    process.problem('args', 'no program is named: the first of them is the program');
  return args;
}

/** Of the workload or a hook: environ(7). */
export function readEnv(object: JsonObject): string[] {
  const env = object.texts('env');
  env.forEach((entry, index) => {
    if (!/^[^=]+=/s.test(entry)) object.problem(`env[${index}]`, `${entry}: not NAME=value`);
  });
  return env;
}

const UINT16 = 2n ** 16n - 1n;

function readTerminal(process: JsonObject): Pick<Process, 'terminal' | 'consoleSize'> {
  const terminal = process.flag('terminal');
  const size = process.object('consoleSize');
  size.ignoreOthers(['height', 'width']);
  if (!process.has('consoleSize')) return { terminal };
  const height = Number(size.integer('height', UINT16) ?? 0);
  return { terminal, consoleSize: { height, width: Number(size.integer('width', UINT16) ?? 0) } };
}

/** What setresuid(2) takes for "no change" is no id. */
const MAX_ID = 2n ** 32n - 2n;

function readUser(user: JsonObject, facts: ConfigFacts): User {
  user.ignoreOthers(['uid', 'gid', 'umask', 'additionalGids', 'username']);
  if (user.has('username')) user.note('username', 'about another system, and ignored');
  const id = (key: string) => (user.has(key) ? Number(user.integer(key, MAX_ID) ?? 0) : 0);
  const additionalGids = user.integers('additionalGids', MAX_ID).map(Number);
  if (additionalGids.length > MOST_GROUPS)
    user.problem('additionalGids', tooManyGroups(additionalGids.length));
  return {
    uid: id('uid'),
    gid: id('gid'),
    additionalGids,
    umask: user.has('umask') ? Number(user.integer('umask', 0o777n) ?? 0) : facts.umask,
  };
}

const sets = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const;

/** "Any value which cannot be mapped, or cannot be granted otherwise, MUST be logged"; it is left out. */
function readCapabilities(object: JsonObject, { boundingSet }: ConfigFacts): CapabilitySets {
  object.ignoreOthers(sets);
  const read = (key: (typeof sets)[number], within: readonly string[], why: string) =>
    [...new Set(object.texts(key))].filter((name) => {
      const all: readonly string[] = capabilityNames;
      const reason = all.includes(name) ? why : 'no capability that tsbox knows';
      const can = all.includes(name) && within.includes(name);
      if (!can) object.note(key, `${name} is left out: ${reason}`);
      return can;
    });
  const had = 'tsbox itself does not have it here';
  const possible = boundingSet ?? capabilityNames;
  const permitted = read('permitted', possible, had);
  const inheritable = read('inheritable', possible, had);
  const both = permitted.filter((name) => inheritable.includes(name));
  return {
    bounding: read('bounding', possible, had),
    permitted,
    effective: read('effective', permitted, 'it is not in the permitted set'),
    inheritable,
    ambient: read('ambient', both, 'it is not in both the permitted and the inheritable set'),
  };
}

function readRlimits(process: JsonObject): Rlimit[] {
  const limits = process.objects('rlimits').map((limit) => {
    limit.ignoreOthers(['type', 'soft', 'hard']);
    const type = limit.word('type', Object.keys(rlimitNumbers)) ?? '';
    const [soft, hard] = [BigInt(limit.integer('soft') ?? 0), BigInt(limit.integer('hard') ?? 0)];
    if (soft > hard && limit.has('hard')) limit.problem('soft', `${soft}: above hard, ${hard}`);
    return { type, soft, hard };
  });
  limits.forEach(({ type }, index) => {
    if (type !== '' && limits.findIndex((each) => each.type === type) !== index)
      process.problem(`rlimits[${index}].type`, `${type} is given twice`);
  });
  return limits;
}

function readLabel(process: JsonObject, key: 'apparmorProfile' | 'selinuxLabel') {
  const label = process.has(key) ? process.text(key) : undefined;
  return label === undefined || label === '' ? {} : { [key]: label };
}

function readScore(process: JsonObject): Pick<Process, 'oomScoreAdj'> {
  if (!process.has('oomScoreAdj')) return {};
  const score = process.integer('oomScoreAdj', 1000n, -1000n);
  return score === undefined ? {} : { oomScoreAdj: Number(score) };
}

function readIoPriority(object: JsonObject): IoPriority {
  object.ignoreOthers(['class', 'priority']);
  const names = Object.keys(ioPriorityClasses) as IoPriority['class'][];
  return {
    class: object.word('class', names) ?? 'IOPRIO_CLASS_BE',
    priority: object.has('priority') ? Number(object.integer('priority', 7n) ?? 0) : 0,
  };
}

const [INT32, LEAST_INT32] = [2n ** 31n - 1n, -(2n ** 31n)];

function readScheduler(object: JsonObject): Scheduler {
  const times = ['runtime', 'deadline', 'period'] as const;
  object.ignoreOthers(['policy', 'nice', 'priority', 'flags', ...times]);
  const policies = Object.keys(schedulerPolicies) as Scheduler['policy'][];
  const numbers = (['nice', 'priority'] as const).map((key) =>
    object.has(key) ? { [key]: Number(object.integer(key, INT32, LEAST_INT32) ?? 0) } : {},
  );
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  const spans = times.map((key) =>
    object.has(key) ? { [key]: Number(object.integer(key, most) ?? 0) } : {},
  );
  return Object.assign(
    {
      policy: object.word('policy', policies) ?? 'SCHED_OTHER',
      flags: object.words('flags', Object.keys(schedulerFlags) as SchedulerFlag[]),
    },
    ...numbers,
    ...spans,
  );
}

/** "This setting is not applicable to the container's init process", which is all that a run has. */
function checkAffinity(affinity: JsonObject): void {
  affinity.ignoreOthers(['initial', 'final']);
  for (const key of ['initial', 'final']) {
    const list = affinity.has(key) ? affinity.text(key) : undefined;
    if (list !== undefined && !isNumberList(list.replaceAll(' ', '')))
      affinity.problem(key, `${list}: not a list of processors such as 0-3,7`);
  }
}

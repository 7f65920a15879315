/** What a box's profile allows and refuses, with the reasons (`tsbox explain --seccomp`). */
import { errnoName, errnoNumber } from '../abi/errno.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from '../spec/seccomp.ts';
import type { Spec } from '../spec/spec.ts';
import { absent, allowed, denied, guarded, type LimitedCall, limited } from './default-profile.ts';
import { profileOf } from './own-profile.ts';

/** A reason, and the calls for which it is one. */
type Group = readonly [string, readonly string[]];

export function listCalls(spec: Spec, arch: Arch): string {
  const { bounding } = spec.process.capabilities;
  const profile = profileOf(spec, arch);
  if (profile === undefined)
    return '# No seccomp profile: the kernel decides alone, by the capabilities of the box\n';
  const own = spec.linux.seccomp === 'default';
  const answers = new Answers(profile);
  return [
    own
      ? `# tsbox's own profile, for a box with ${bounding.join(', ') || 'no capability'}`
      : '# The profile that was asked for',
    `# Calls that are not named: ${answers.text(undefined)}${own ? '; those that are newer than this tsbox: ENOSYS' : ''}`,
    '',
    '## Allowed',
    ...groups(reasons, (name) => answers.of(name) === 'allowed', answers.unknown('allowed')),
    '## Allowed with some arguments',
    ...conditional(answers, own),
    '## Refused, with what they would open',
    ...groups(
      dangers,
      (name) => answers.of(name) === 'refused',
      answers.unknown('refused'),
      answers,
    ),
  ].join('\n');
}

const reasons: readonly Group[] = [
  ...allowed.map(({ why, calls }): Group => [why, calls]),
  ...[...limited, ...absent].map(({ call, why }): Group => [why, [call]]),
  ...guarded.map(({ by, why, calls }): Group => [`${why}, by ${by.join(' or ')}`, calls]),
  ...denied.map(({ opens, calls }): Group => [`tsbox's own profile refuses them: ${opens}`, calls]),
];

const dangers: readonly Group[] = [
  ...denied.map(({ opens, calls }): Group => [opens, calls]),
  ...guarded.map(({ opens, by, calls }): Group => [`without ${by.join(' or ')}: ${opens}`, calls]),
  ...absent.map(({ call, opens, why }): Group => [`${opens}: ${why}`, [call]]),
  ...limited.map(({ call, opens }): Group => [opens, [call]]),
  ...allowed.map(({ why, calls }): Group => [`tsbox's own profile allows them: ${why}`, calls]),
];

const known = new Set(reasons.flatMap(([, calls]) => calls));

/** What a profile says of each call. */
class Answers {
  readonly #rules = new Map<string, SeccompRule[]>();
  readonly #profile: Seccomp;

  constructor(profile: Seccomp) {
    this.#profile = profile;
    for (const rule of profile.syscalls ?? [])
      for (const name of rule.names)
        this.#rules.set(name, [...(this.#rules.get(name) ?? []), rule]);
  }

  get names(): string[] {
    return [...new Set([...known, ...this.#rules.keys()])];
  }

  rules(name: string): readonly SeccompRule[] {
    return this.#rules.get(name) ?? [];
  }

  of(name: string): 'allowed' | 'conditional' | 'refused' {
    const rules = this.rules(name);
    if (rules.length > 0 && rules.every(({ args = [] }) => args.length > 0)) return 'conditional';
    return this.text(name) === 'allowed' ? 'allowed' : 'refused';
  }

  /** Of calls that tsbox's own profile does not name. */
  unknown(answer: 'allowed' | 'refused'): string[] {
    return this.names.filter((name) => !known.has(name) && this.of(name) === answer);
  }

  /** undefined: of those that no rule names. */
  text(name: string | undefined): string {
    const { defaultAction, defaultErrnoRet } = this.#profile;
    const rule = (name === undefined ? [] : this.rules(name)).find(
      ({ args = [] }) => args.length === 0,
    );
    return actionText(
      rule?.action ?? defaultAction,
      rule === undefined ? defaultErrnoRet : rule.errnoRet,
    );
  }
}

function actionText(action: string, errno = errnoNumber('EPERM')): string {
  if (action === 'SCMP_ACT_ALLOW') return 'allowed';
  if (action === 'SCMP_ACT_ERRNO') return errnoName(errno);
  return action;
}

/** Each group with those of its calls that are wanted. @param answers says what each is refused with. */
function groups(
  all: readonly Group[],
  wanted: (name: string) => boolean,
  others: readonly string[],
  answers?: Answers,
): string[] {
  const every: readonly Group[] = [...all, ['named by the profile alone', others]];
  return every.flatMap(([reason, calls]) => {
    const names = calls.filter(wanted);
    if (names.length === 0) return [];
    const texts = new Set(answers === undefined ? [] : names.map((name) => answers.text(name)));
    const end = texts.size === 0 ? '' : ` (${[...texts].join(', ')})`;
    return [`# ${reason}${end}`, ...wrap(names), ''];
  });
}

function conditional(answers: Answers, own: boolean): string[] {
  const names = answers.names.filter((name) => answers.of(name) === 'conditional');
  return names.flatMap((name) => {
    const limit = limited.find(({ call }) => call === name);
    const lines =
      own && limit !== undefined ? [limitText(limit)] : answers.rules(name).map(ruleText);
    return [
      `# ${name}${limit === undefined ? '' : `: ${limit.why}`}`,
      ...lines.map((line) => `  ${line}`),
      `  otherwise ${answers.text(name)}${limit === undefined ? '' : `: ${limit.opens}`}`,
      '',
    ];
  });
}

function limitText({ argument, limit }: LimitedCall): string {
  if ('clear' in limit) return `allowed if argument ${argument} has no bit of ${hex(limit.clear)}`;
  if ('not' in limit)
    return `allowed unless argument ${argument} is ${Object.keys(limit.not).join(' or ')}`;
  return `allowed if argument ${argument} is ${Object.keys(limit.values).join(', ')}`;
}

const signs = {
  SCMP_CMP_NE: '!=',
  SCMP_CMP_LT: '<',
  SCMP_CMP_LE: '<=',
  SCMP_CMP_EQ: '==',
  SCMP_CMP_GE: '>=',
  SCMP_CMP_GT: '>',
} as const;

function ruleText({ action, errnoRet, args = [] }: SeccompRule): string {
  return `${actionText(action, errnoRet)} if ${args.map(conditionText).join(' and ')}`;
}

function conditionText({ index, op, value, valueTwo = 0 }: SeccompArgument): string {
  if (op === 'SCMP_CMP_MASKED_EQ') return `(argument ${index} & ${hex(value)}) == ${hex(valueTwo)}`;
  return `argument ${index} ${signs[op]} ${hex(value)}`;
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

const WIDTH = 100;

function wrap(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length < WIDTH)
      lines[lines.length - 1] = `${last} ${name}`;
    else lines.push(`  ${name}`);
  }
  return lines;
}

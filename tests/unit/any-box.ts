/** The plans of arbitrary boxes on arbitrary hosts, and words to speak of their steps. */
import fc from 'fast-check';
import { openFlags } from '../../src/abi/flags.ts';
import type { Host } from '../../src/plan/host.ts';
import { printArgument } from '../../src/plan/print.ts';
import type { Argument, Slot, Step } from '../../src/plan/step.ts';
import type { RunOptions } from '../../src/spec/run-options.ts';
import { container, guest, someHost, stepsOf } from './boxes.ts';

const optional = <T>(value: T) => fc.constantFrom(value, undefined);
const several = (...words: string[]) => fc.subarray(words);
const options = fc
  .record({
    command: fc.constantFrom(['true'], ['/bin/sh', '-c', 'exit'], ['a', '']),
    memory: optional('64m'),
    cpus: optional('0.5'),
    pidsLimit: optional('10'),
    env: several('A=1', 'PATH=/a::/b', 'PATH=', 'HOME=/h'),
    workdir: optional('/w/x'),
    user: fc.constantFrom(undefined, 'user', '1000:7', '0'),
    hostname: optional('h'),
    volume: several(
      '/host/directory:/d',
      '/host/file:/etc/x/y:ro',
      '/host/directory:/e:bind,ro,noatime',
      '/host/directory:/dev/a',
    ),
    device: several('/dev/null', '/dev/one', '/dev/one:/etc/x/two', '/dev/one:/t/three'),
    tmpfs: several('/t', '/var/run/t:exec,size=1m', '/dev/shm'),
    layer: fc.constantFrom({}, { readOnly: true }, { writable: true }),
    ulimit: several('nofile=10', 'core=0:unlimited'),
    umask: optional('077'),
    userns: fc.constantFrom(undefined, 'auto', 'host'),
    groupAdd: several('wheel', '9'),
    capAdd: several('SYS_ADMIN', 'net_admin,CAP_SYS_TIME'),
    capDrop: several('ALL', 'chown'),
    oomScoreAdj: optional('-7'),
    securityOpt: several('mask=/etc/a:/b', 'unmask=/proc/*'),
  })
  .map(({ layer, ...rest }) => {
    const given = Object.entries(rest).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(given), ...layer } as Partial<RunOptions>;
  });

const { cgroup, ...withoutCgroup } = someHost;
const hosts: fc.Arbitrary<Host> = fc
  .record({
    arch: fc.constantFrom('x64', 'arm64'),
    overlay: fc.boolean(),
    hasCgroup: fc.boolean(),
    mountApi: fc.constantFrom('descriptors', 'paths'),
  })
  .map(({ hasCgroup, ...facts }) => ({ ...(hasCgroup ? someHost : withoutCgroup), ...facts }));

const numRuns = 100;

export function everyContainer(check: (steps: readonly Step[], host: Host) => void): void {
  fc.assert(
    fc.property(options, hosts, (own, host) => check(stepsOf(container(own, host)), host)),
    { numRuns },
  );
}

/** Also the guests that are asked for the same, where they can be. */
export function everyPlan(
  check: (steps: readonly Step[], place: 'container' | 'guest', arch: Host['arch']) => void,
): void {
  everyContainer((steps, { arch }) => check(steps, 'container', arch));
  const forGuests = options
    .filter(({ userns }) => userns !== 'auto')
    .map(({ pidsLimit, device, volume = [], ...own }) => ({
      ...own,
      volume: volume.filter((word) => !word.includes('bind')),
    }));
  fc.assert(
    fc.property(forGuests, (own) => check(stepsOf(guest(own)), 'guest', 'x64')),
    { numRuns },
  );
}

type Matcher = (step: Step) => boolean;

export const isCall =
  (...names: Step['call'][]): Matcher =>
  ({ call }) =>
    names.includes(call);

export const isPrctl =
  (option: string): Matcher =>
  ({ call, args }) =>
    call === 'prctl' && word(args[0]) === option;

export function indexesOf(steps: readonly Step[], matches: Matcher): number[] {
  return steps.flatMap((step, index) => (matches(step) ? [index] : []));
}

/** A string argument. */
export function text(argument: Argument | undefined): string | undefined {
  return argument?.kind === 'string' ? argument.value : undefined;
}

/** A flag word or a number, as it is printed. */
export function word(argument: Argument | undefined): string | undefined {
  return argument?.kind === 'number' || argument?.kind === 'flags'
    ? printArgument(argument)
    : undefined;
}

export function slotsIn({ args, needs }: Step): Slot[] {
  const slots = args.flatMap((argument) => (argument.kind === 'slot' ? [argument.slot] : []));
  return needs === undefined ? slots : [...slots, needs];
}

/** `flags` and `resolve` of an openat2's struct open_how. */
export function how({ args }: Step): { flags: number; resolve: number } {
  if (args[2]?.kind !== 'structure') throw new Error('openat2 without a structure');
  const { flags, resolve } = args[2].fields;
  return { flags: wordOf(flags), resolve: wordOf(resolve) };
}

const wordOf = (field: Argument | undefined) =>
  field?.kind === 'number' || field?.kind === 'flags' ? Number(field.value) : Number.NaN;

/** Whether the step makes something in a file system. */
export const makes: Matcher = (step) =>
  isCall('mkdirat', 'mknodat', 'symlinkat', 'move_mount')(step) ||
  (step.call === 'openat2' && (how(step).flags & openFlags.x64.O_CREAT) !== 0);

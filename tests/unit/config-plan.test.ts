/** What each field of a configuration becomes in the plan: tests/unit/golden/config.txt, and the hooks' own steps. */
import { expect, test } from 'vitest';
import { printAction } from '../../src/plan/action.ts';
import type { ContainerPlan } from '../../src/plan/container.ts';
import { hookSteps } from '../../src/plan/hooks.ts';
import { printJoin } from '../../src/plan/namespaces.ts';
import { printStep } from '../../src/plan/print.ts';
import type { HookKind } from '../../src/spec/spec.ts';
import { capableHost, changed, planOf, read, whole } from './whole-config.ts';

/** A line for each thing that is done. */
function linesOf({ before, joined, clone, during, sections, after }: ContainerPlan): string[] {
  return [
    ...before.map(printAction),
    ...joined.map(printJoin),
    `clone3({flags=${clone.join('|')}})`,
    ...during.map(printAction),
    ...sections.flatMap(({ title, steps }) => steps.map((step) => `${title}: ${printStep(step)}`)),
    ...after.map(printAction),
  ];
}

/** The configuration without the field: what only the plan with it does, and what only that without it. */
function difference(path: string, without: unknown): string {
  const [more, less] = [linesOf(planOf(whole)), linesOf(planOf(changed(path, without)))];
  const only = (lines: readonly string[], others: readonly string[], sign: string) =>
    lines.filter((line) => !others.includes(line)).map((line) => `${sign} ${line}`);
  return [`## ${path}`, ...only(less, more, '-'), ...only(more, less, '+'), ''].join('\n');
}

const fields: readonly (readonly [string, unknown?])[] = [
  ['root.readonly'],
  ['hostname'],
  ['domainname'],
  ['process.terminal'],
  ['process.consoleSize'],
  ['process.cwd', '/'],
  ['process.env'],
  ['process.args', ['/bin/false']],
  ['process.user.uid'],
  ['process.user.gid'],
  ['process.user.umask'],
  ['process.user.additionalGids'],
  ['process.capabilities.bounding'],
  ['process.capabilities.effective'],
  ['process.capabilities.inheritable'],
  ['process.capabilities.ambient'],
  ['process.rlimits'],
  ['process.noNewPrivileges'],
  ['process.apparmorProfile'],
  ['process.selinuxLabel'],
  ['process.oomScoreAdj'],
  ['process.ioPriority'],
  ['process.scheduler'],
  ['process.execCPUAffinity'],
  ['hooks'],
  ['annotations'],
  ['linux.namespaces[6]', { type: 'network' }],
  ['linux.namespaces[7]', { type: 'cgroup' }],
  ['linux.timeOffsets'],
  ['linux.netDevices'],
  ['linux.devices'],
  ['linux.resources.devices'],
  ['linux.resources.memory.limit', 65_000_000],
  ['linux.resources.memory.swap'],
  ['linux.resources.memory.reservation'],
  ['linux.resources.cpu.shares'],
  ['linux.resources.cpu.quota', 60_000],
  ['linux.resources.cpu.period', 80_000],
  ['linux.resources.cpu.burst'],
  ['linux.resources.cpu.cpus'],
  ['linux.resources.cpu.mems'],
  ['linux.resources.cpu.idle', 1],
  ['linux.resources.pids'],
  ['linux.resources.blockIO.weight'],
  ['linux.resources.blockIO.weightDevice'],
  ['linux.resources.blockIO.throttleReadBpsDevice'],
  ['linux.resources.blockIO.throttleWriteBpsDevice'],
  ['linux.resources.blockIO.throttleReadIOPSDevice'],
  ['linux.resources.blockIO.throttleWriteIOPSDevice'],
  ['linux.resources.hugepageLimits'],
  ['linux.resources.rdma'],
  ['linux.resources.unified'],
  ['linux.rootfsPropagation', 'rshared'],
  ['linux.sysctl'],
  ['linux.maskedPaths'],
  ['linux.readonlyPaths'],
  ['linux.mountLabel'],
  ['linux.personality'],
  ['linux.memoryPolicy'],
];

test('what each field adds to the plan', async () => {
  const text = fields.map(([path, without]) => difference(path, without)).join('\n');
  await expect(text).toMatchFileSnapshot('golden/config.txt');
});

const kinds = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

test('what each hook does before it is executed', async () => {
  const { spec } = read(whole);
  const box = { spec, layer: 'writable', id: 'ID', bundle: '/bundle' } as const;
  const text = kinds.map((kind) => {
    const [hook] = spec.hooks?.[kind as HookKind] ?? [];
    if (hook === undefined) throw new Error(`${kind} is missing`);
    const steps = hookSteps(hook, kind as HookKind, box, capableHost);
    return [`## ${kind}`, ...steps.map(printStep), ''].join('\n');
  });
  await expect(text.join('\n')).toMatchFileSnapshot('golden/hooks.txt');
});

/** Attributes of the process: how a specification's fields become steps, or are refused. */
import { expect, test } from 'vitest';
import { planContainer } from '../../src/plan/container.ts';
import type { SecurityModules } from '../../src/plan/host.ts';
import { unkeptLabels } from '../../src/plan/labels.ts';
import { printStep } from '../../src/plan/print.ts';
import type { Linux, Process } from '../../src/spec/spec.ts';
import { container, guest, request, someHost, stepsOf } from './boxes.ts';
import { problemsOf } from './problems.ts';

const standard = new Set(stepsOf(container({ userns: 'host' })).map(printStep));

/** The steps that the fields add. */
function added(
  process: Partial<Process>,
  linux: Partial<Linux> = {},
  securityModules?: SecurityModules,
): string[] {
  const { spec, layer } = request({});
  const box = {
    id: 'ID',
    layer,
    spec: { ...spec, process: { ...spec.process, ...process }, linux: { ...spec.linux, ...linux } },
  };
  const host = securityModules === undefined ? someHost : { ...someHost, securityModules };
  return stepsOf(planContainer(box, host))
    .map(printStep)
    .filter((text) => !standard.has(text));
}

const inProcfs = (path: string) =>
  `openat2(mount0, "self/${path}", {flags=O_WRONLY|O_CLOEXEC, mode=00, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_XDEV|RESOLVE_NO_MAGICLINKS}, 24) = ${path}`;

test.each<[Partial<Process>, Partial<Linux>, string[]]>([
  [{ oomScoreAdj: -7 }, {}, [inProcfs('oom_score_adj'), 'write(oom_score_adj, "-7", 2)']],
  [
    { ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 7 } },
    {},
    ['ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_BE|7)'],
  ],
  [
    { scheduler: { policy: 'SCHED_BATCH', nice: 19, flags: ['SCHED_FLAG_RESET_ON_FORK'] } },
    {},
    [
      'sched_setattr(0, {sched_policy=SCHED_BATCH, sched_flags=SCHED_FLAG_RESET_ON_FORK, sched_nice=19, sched_priority=0, sched_runtime=0, sched_deadline=0, sched_period=0}, 0)',
    ],
  ],
  [{}, { personality: { domain: 'LINUX32' } }, ['personality(PER_LINUX32)']],
])('%j %j', (process, linux, steps) => {
  expect(added(process, linux)).toEqual(steps);
});

test('labels are written to the procfs that was made for the box', () => {
  const both = { apparmor: true, selinux: true };
  expect(added({ apparmorProfile: 'p', selinuxLabel: 'u:r:t:s0' }, {}, both)).toEqual([
    inProcfs('attr/apparmor/exec'),
    'write(attr/apparmor/exec, "exec p", 6)',
    inProcfs('attr/exec'),
    'write(attr/exec, "u:r:t:s0", 8)',
  ]);
});

test('a mount label goes to what is made new, and not to the kernel’s own file systems', () => {
  const contexts = added({}, { mountLabel: 'u:o:t:s0' }, { apparmor: false, selinux: true });
  expect(
    contexts.map((text) => /^fsconfig\((\S+)\.fs, .*"context", "u:o:t:s0"/.exec(text)?.[1]),
  ).toEqual(['root', 'mount1', 'mount2', 'mount3', 'mount4']);
});

const spec = (securityOpt: string[]) => request({ securityOpt }).spec;

test.each<[string[], SecurityModules, RegExp[]]>([
  [['apparmor=p'], { apparmor: false, selinux: true }, [/^the AppArmor profile p was asked for/]],
  [['apparmor=p'], { apparmor: true, selinux: false }, []],
  [['apparmor=unconfined', 'label=disable'], { apparmor: false, selinux: false }, []],
  [['label=type:t'], { apparmor: true, selinux: false }, [/^an SELinux label was asked for/]],
  [['label=type:t'], { apparmor: false, selinux: true }, []],
])('%j where the host has %j', (words, securityModules, problems) => {
  expect(unkeptLabels({ spec: spec(words) }, { securityModules })).toEqual(
    problems.map((problem) => expect.stringMatching(problem)),
  );
});

test('a capability that tsbox is too old to know is dropped all the same', () => {
  const added = stepsOf(container({ userns: 'host' }, { ...someHost, lastCapability: 42 })).map(
    printStep,
  );
  expect(added.filter((text) => !standard.has(text))).toEqual([
    'prctl(PR_CAPBSET_DROP, capability 41, 0, 0, 0)  [or EINVAL]',
    'prctl(PR_CAPBSET_DROP, capability 42, 0, 0, 0)  [or EINVAL]',
  ]);
});

test.each(['apparmor=p', 'label=type:t'])('%s is refused with --vm', (word) => {
  expect(() => guest({ securityOpt: [word] })).toThrow('with --vm');
});

test.each<[Partial<Process>, Partial<Linux>, string[]]>([
  [
    { oomScoreAdj: 1001 },
    {},
    ['process.oomScoreAdj: 1001: whole numbers from -1000 to 1000 are allowed'],
  ],
  [
    { oomScoreAdj: 0.5 },
    {},
    ['process.oomScoreAdj: 0.5: whole numbers from -1000 to 1000 are allowed'],
  ],
  [
    { ioPriority: { class: 'IOPRIO_CLASS_XX' as 'IOPRIO_CLASS_BE', priority: 8 } },
    {},
    [
      'process.ioPriority.class: IOPRIO_CLASS_XX: unknown; IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE are known',
      'process.ioPriority.priority: 8: whole numbers from 0 to 7 are allowed',
    ],
  ],
  [
    { scheduler: { policy: 'SCHED_FIFO' } },
    {},
    ['process.scheduler.priority: SCHED_FIFO needs one, from 1 to 99'],
  ],
  [
    { scheduler: { policy: 'SCHED_FIFO', priority: 100 } },
    {},
    ['process.scheduler.priority: 100: whole numbers from 1 to 99 are allowed'],
  ],
  [
    { scheduler: { policy: 'SCHED_OTHER', priority: 1 } },
    {},
    ['process.scheduler.priority: SCHED_OTHER has none; SCHED_FIFO and SCHED_RR have'],
  ],
  [
    { scheduler: { policy: 'SCHED_RR', priority: 1, nice: 5 } },
    {},
    ['process.scheduler.nice: SCHED_RR has none; SCHED_OTHER and SCHED_BATCH have'],
  ],
  [
    { scheduler: { policy: 'SCHED_OTHER', nice: -21 } },
    {},
    ['process.scheduler.nice: -21: whole numbers from -20 to 19 are allowed'],
  ],
  [
    { scheduler: { policy: 'SCHED_DEADLINE', runtime: 5, deadline: 4 } },
    {},
    ['process.scheduler: SCHED_DEADLINE needs a runtime above 0 and a deadline that is no shorter'],
  ],
  [
    { scheduler: { policy: 'SCHED_IDLE', runtime: 5 } },
    {},
    ['process.scheduler.runtime: SCHED_IDLE has none; SCHED_DEADLINE has'],
  ],
  [
    {},
    { personality: { domain: 'BSD' as 'LINUX' } },
    ['linux.personality.domain: BSD: unknown; LINUX, LINUX32 are known'],
  ],
])('%j %j is refused', (process, linux, problems) => {
  expect(problemsOf(() => added(process, linux))).toEqual(problems);
});

test('what is written to /proc needs a procfs', () => {
  const { spec: whole, layer } = request({ oomScoreAdj: '5' });
  const bare = { ...whole, mounts: whole.mounts.filter(({ type }) => type !== 'proc') };
  expect(problemsOf(() => planContainer({ id: 'ID', layer, spec: bare }, someHost))).toEqual([
    expect.stringMatching(/^mounts: /),
  ]);
});

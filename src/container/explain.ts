/** The plan of a container, as text. */
import { type HostAction, printAction } from '../plan/action.ts';
import { unkeptLimits } from '../plan/cgroup.ts';
import { planContainer } from '../plan/container.ts';
import { unkeptDeviceRules } from '../plan/device-filter.ts';
import { unkeptLabels } from '../plan/labels.ts';
import { unkeptMounts } from '../plan/mount-refusals.ts';
import { printSections, printWithReason } from '../plan/print.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import { stateDirectory } from '../sandbox/state.ts';
import type { Box } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';

/** What stands for the box's id, which is drawn anew for every run. */
const ID = 'ID';

/** @throws SpecError for limits that this host cannot keep, as a run does. */
export async function explainContainer(
  request: Pick<Box, 'spec' | 'layer' | 'watch'>,
): Promise<string> {
  const host = await withFilter(readHost(request, stateDirectory(process.env, 0)), request);
  const unkept = [
    ...unkeptLimits(request.spec.linux.resources, host.cgroup),
    ...unkeptDeviceRules(request.spec, host.cgroup),
    ...unkeptLabels(request.spec, host),
    ...unkeptMounts(request.spec, host),
  ];
  if (unkept.length > 0) throw new SpecError(unkept);
  const plan = planContainer({ ...request, id: ID }, host);
  const cgroup = plan.cgroup === undefined ? '' : `, cgroup=${JSON.stringify(plan.cgroup.entry)}`;
  const steps = plan.sections.flatMap((section) => section.steps).length;
  return [
    ...actions('tsbox prepares, on the host', plan.before),
    '# tsbox makes the process, in namespaces of its own',
    printWithReason(
      `clone3({flags=${plan.clone.join('|')}${cgroup}})`,
      'every namespace is there from the first instruction on',
    ),
    '',
    ...actions('tsbox, while the new process waits', plan.during),
    `# The new process: ${steps} system calls, carried out by tsbox-init in this order`,
    '',
    printSections(plan.sections),
    ...actions('tsbox, when the workload has ended', plan.after),
  ].join('\n');
}

function actions(title: string, list: readonly HostAction[]): string[] {
  if (list.length === 0) return [];
  const lines = list.map((action) => printWithReason(printAction(action), action.why));
  return [`# ${title}`, ...lines, ''];
}

/** The plan of a container, as text. */
import { readSubordinateIds } from '../linux/caller-ids.ts';
import { type HostAction, PID } from '../plan/action.ts';
import { lackingControllers } from '../plan/cgroup.ts';
import { planContainer } from '../plan/container.ts';
import type { Host } from '../plan/host.ts';
import { printJoin } from '../plan/namespaces.ts';
import { clientOf } from '../plan/pasta.ts';
import { printSections, printWithReason } from '../plan/print.ts';
import { rootServer } from '../plan/root.ts';
import { settleIn, startScope, type UserManager } from '../plan/scope.ts';
import { actionLines, aroundLines } from '../sandbox/around.ts';
import { startLines } from '../sandbox/explain-jail.ts';
import { pastaLines } from '../sandbox/explain-pasta.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import { firstIds } from '../sandbox/own-ids.ts';
import { pastaOf, readyPath } from '../sandbox/pasta.ts';
import { stateDirectory } from '../sandbox/state.ts';
import { foreseeScope } from '../sandbox/systemd.ts';
import type { Box, BoxNetwork, BoxRequest } from '../spec/box.ts';
import { withUserNamespace } from '../spec/user-namespace.ts';
import { imageServerOf } from './image-server.ts';
import { firstAttempt, withServer } from './retreat.ts';
import { checkKept } from './unkept.ts';

/** What stands for the box's id, which is drawn anew for every run. */
const ID = 'ID';

async function foreseeNetwork(network: BoxNetwork, parent: string) {
  const { foresee } = await import('../sandbox/foresee-network.ts');
  return foresee(network, parent, ID);
}

/** @throws SpecError for limits that this host cannot keep, as a run does. */
export async function explainContainer(request: BoxRequest): Promise<string> {
  const parent = stateDirectory(process.env, process.geteuid?.() ?? 0);
  const found = await withServer(request, await withFilter(readHost(request, parent), request));
  const { spec: asked, ids, network, lacks, ...others } = firstAttempt(request, found);
  const spec = withUserNamespace(asked, ids.own === 'no' ? ids : firstIds(readSubordinateIds()));
  const { resources } = spec.linux;
  const { host, manager } =
    lackingControllers(resources, found.cgroup?.controllers ?? []).length === 0
      ? { host: found }
      : await foreseeScope(found, resources, ID);
  const foreseen = network === undefined ? undefined : await foreseeNetwork(network, parent);
  const box: Box = {
    ...others,
    spec,
    id: ID,
    ...(foreseen === undefined ? {} : { network: foreseen.network }),
  };
  await checkKept(box, host);
  const plan = planContainer(box, host);
  const scope = manager === undefined ? [] : enterScope(manager, host);
  const cgroup = plan.cgroup === undefined ? '' : `, cgroup=${JSON.stringify(plan.cgroup.entry)}`;
  const steps = plan.sections.flatMap((section) => section.steps).length;
  return [
    ...[ids.given, lacks].flatMap((said) => (said === undefined ? [] : [`# ${said}`, ''])),
    ...actionLines('tsbox has systemd move it to a cgroup that it may divide', scope),
    ...actionLines('tsbox brings the network about, unless it is there', foreseen?.setUp ?? []),
    ...actionLines('tsbox prepares, on the host', plan.before),
    ...(plan.joined.length === 0
      ? []
      : [
          '# tsbox enters these while it makes the process, and leaves them again',
          ...plan.joined.map((join) => printWithReason(printJoin(join), 'linux.namespaces')),
          '',
        ]),
    '# tsbox makes the process, in namespaces of its own',
    printWithReason(
      `clone3({flags=${plan.clone.join('|')}${cgroup}})`,
      `every namespace is there from the first instruction on${pidOne(box)}`,
    ),
    '',
    ...actionLines('tsbox, while the new process waits', plan.during),
    `# The new process: ${steps} system calls, carried out by tsbox-init in this order`,
    '',
    printSections(plan.sections),
    ...aroundLines(request),
    ...serverLines(box, host),
    ...networkLines(box, host, parent),
    ...actionLines('tsbox, when the workload has ended', plan.after),
    ...actionLines('and when no other box is on the network', foreseen?.takeDown ?? []),
  ].join('\n');
}

function serverLines(box: Box, host: Host): string[] {
  const program = rootServer(box, host)?.program;
  if (program === undefined) return [];
  const server = imageServerOf(box, host, program);
  return [
    '',
    ...actionLines('tsbox, once the new process has handed over FUSE', server.before),
    ...startLines('tsbox starts fuse-overlayfs', 'fuse-overlayfs', server),
  ];
}

function networkLines(box: Box, host: Host, parent: string): string[] {
  if (box.network?.choice.kind !== 'pasta') return [];
  const { program } = box.network.choice;
  const pasta = pastaOf(clientOf(box, host, PID), host, {
    program,
    ready: readyPath(parent, ID, 'pasta'),
  });
  return ['', ...pastaLines(pasta, 'the new process', 'the box')];
}

function enterScope(manager: UserManager, { cgroup }: Host): HostAction[] {
  return cgroup === undefined
    ? []
    : [startScope(manager, ID, '$PID of tsbox'), ...settleIn(cgroup.top)];
}

/** pid_namespaces(7). */
function pidOne({ spec, init }: Box): string {
  if (init || !spec.linux.namespaces.some(({ type }) => type === 'pid')) return '';
  return '; the workload is to be PID 1, which gets no signal that it has no handler for and has all orphans to reap: --init has another process for that';
}

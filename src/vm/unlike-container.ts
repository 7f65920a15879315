/**
 * What a specification can ask of a container and not of a micro-VM: everything that is about the host's
 * own kernel, its namespaces and its cgroups, which the machine keeps the box from.
 */
import type { Linux, Resources, Spec } from '../spec/spec.ts';

/** A sentence each, beginning with the field's path. */
export function unlikeContainer({ linux, hooks }: Spec): string[] {
  const asked = [
    ...namespacesOf(linux),
    ...resourcesOf(linux.resources),
    ...(Object.keys(linux.netDevices ?? {}).length === 0
      ? []
      : ['linux.netDevices: an interface of the host’s kernel cannot be in a guest']),
    ...(hooks === undefined
      ? []
      : [
          'hooks: they are programs of the host that work on a container’s namespaces, which it cannot reach in a guest',
        ]),
  ];
  return asked.map(
    (sentence) => `${sentence}: leave it out, or run it as a container, without --vm`,
  );
}

/** The flags that ask for it, where there is one, as most who read this have written that. */
const flags: Readonly<Record<string, string>> = {
  pid: '--pid',
  ipc: '--ipc',
  uts: '--uts',
  network: '--network',
  cgroup: '--cgroupns',
  'memory.swap': '--memory-swap',
  'memory.reservation': '--memory-reservation',
  'cpu.shares': '--cpu-shares',
  'cpu.cpus': '--cpuset-cpus',
  'cpu.mems': '--cpuset-mems',
};

function flagOf(name: string): string {
  return Object.hasOwn(flags, name) ? ` (${flags[name]})` : '';
}

function namespacesOf({ namespaces }: Linux): string[] {
  const types = namespaces.map(({ type }) => type);
  const missing = (['pid', 'network', 'ipc', 'uts'] as const).filter(
    (type) => !types.includes(type),
  );
  return [
    ...namespaces
      .filter(({ path }) => path !== undefined)
      .map(
        ({ type, path }) =>
          `linux.namespaces${flagOf(type)}: ${type} at ${path}: a guest is in none of the host’s`,
      ),
    ...missing.map(
      (type) =>
        `linux.namespaces${flagOf(type)}: without ${type} the box would have the host’s, which a guest cannot`,
    ),
  ];
}

/** A machine's size is given by the first two. */
function resourcesOf({ memory = {}, cpu = {}, devices, pids, ...others }: Resources): string[] {
  const { limit = 0, ...ofMemory } = memory;
  const { quota, period, ...ofCpu } = cpu;
  const fields = [
    ...(limit < 0 ? ['memory.limit'] : []),
    ...Object.keys(ofMemory).map((key) => `memory.${key}`),
    ...Object.keys(ofCpu).map((key) => `cpu.${key}`),
    ...Object.keys(others),
  ];
  return fields.map(
    (field) =>
      `linux.resources.${field}${flagOf(field)}: a machine has a size, which memory.limit and cpu.quota say`,
  );
}

/** Plans of boxes on a host that does not exist, from the flags of `run`. */

import { firstAttempt } from '../../src/container/retreat.ts';
import { type ContainerPlan, planContainer } from '../../src/plan/container.ts';
import type { Host } from '../../src/plan/host.ts';
import type { SeccompFilter } from '../../src/plan/seccomp.ts';
import type { Section, Step } from '../../src/plan/step.ts';
import { firstIds } from '../../src/sandbox/own-ids.ts';
import type { BoxNetwork, BoxRequest } from '../../src/spec/box.ts';
import { type CallerIds, plainRoot } from '../../src/spec/caller-ids.ts';
import { specFromOptions } from '../../src/spec/from-options.ts';
import { type Caller, noOptions, type RunOptions } from '../../src/spec/run-options.ts';
import { withUserNamespace } from '../../src/spec/user-namespace.ts';
import { type Guest, planGuest, type RootTransport, sectionsOf } from '../../src/vm/guest.ts';
import { refuseImpossible } from '../../src/vm/refused.ts';

const image = {
  rootfs: '/images/one',
  passwd: 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh',
  group: 'wheel:x:10:user\nusers:x:100:user',
};
/** Every path of the host's is a device of its own. */
const findDevices: Caller['findDevices'] = (path) => [
  { below: '', type: 'b', major: 240, minor: path.length, fileMode: 0o600, uid: 0, gid: 6 },
];
const caller = { env: {}, cwd: '/here', findDevices, ids: plainRoot };
const plain: RunOptions = { ...noOptions, command: ['true'] };

/** Of one instruction, which allows everything. */
export const someFilter: SeccompFilter = {
  program: Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f),
  flags: [],
  profile: "tsbox's own profile",
};

export const someHost: Host = {
  arch: 'x64',
  overlay: true,
  caller: plainRoot,
  anchor: '/run/tsbox/boxes',
  seccomp: someFilter,
  mountApi: 'descriptors',
  cgroup: {
    mount: '/sys/fs/cgroup',
    top: '/sys/fs/cgroup',
    controllers: ['cpu', 'memory', 'pids'],
  },
  sources: new Map([
    ['/host/directory', 'directory'],
    ['/host/file', 'file'],
  ]),
};

export function request(own: Partial<RunOptions>): BoxRequest {
  return specFromOptions({ ...plain, ...own }, image, caller);
}

/** Of a user without privileges. */
export function ofUser(
  own: Partial<RunOptions>,
  ids: CallerIds = oneId,
  facts: Partial<Host> = {},
): ContainerPlan {
  const {
    spec,
    layer,
    ids: maps,
  } = specFromOptions({ ...plain, ...own }, image, {
    ...caller,
    ids,
  });
  const { cgroup, ...others } = someHost;
  const host: Host = { ...others, caller: ids, cgroupLack: 'not delegated', ...facts };
  return planContainer({ spec: withUserNamespace(spec, maps), layer, id: 'ID' }, host);
}

const oneId: CallerIds = { ...plainRoot, kind: 'user', uid: 1000, gid: 1000, name: 'alice' };

export const subordinate: CallerIds = {
  ...oneId,
  subuid: 'alice:100000:65536',
  subgid: 'alice:100000:65536',
  mapPrograms: { uid: '/usr/bin/newuidmap', gid: '/usr/bin/newgidmap' },
};

export function container(own: Partial<RunOptions>, host: Host = someHost): ContainerPlan {
  const { spec, layer, ids } = firstAttempt(request(own), host);
  const maps = ids.own === 'no' ? ids : firstIds({ subuid: '', subgid: '' });
  return planContainer({ spec: withUserNamespace(spec, maps), layer, id: 'ID' }, host);
}

const kernel = { image: '/kernels/vmlinux', modules: '/kernels/none', acpi: true };

export function guest(
  own: Partial<RunOptions>,
  sources: Host['sources'] = new Map(),
  transport: RootTransport = 'shared',
  network?: BoxNetwork,
): Guest & { readonly sections: readonly Section[] } {
  const asked = request(own);
  refuseImpossible(asked, sources);
  const names = (network?.files ?? []).map(({ source }) => ({
    source,
    content: Buffer.from('127.0.0.1 localhost\n'),
  }));
  const guest = planGuest({ ...asked, ...(network && { network }) }, transport, kernel, names, {
    arch: 'x64',
    seccomp: someFilter,
  });
  return { ...guest, sections: sectionsOf(guest, 'x64') };
}

export function stepsOf({ sections }: { readonly sections: readonly Section[] }): readonly Step[] {
  return sections.flatMap(({ steps }) => steps);
}

/**
 * The same OCI configurations in tsbox, runc and crun: what the probe finds is the same, or the
 * difference has a reason: golden/oci.txt.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import type { Spec } from '../../src/index.ts';
import { tsbox as library } from '../host/library.ts';
import { tsbox } from '../host/tsbox.ts';
import { scratchDirectory } from './box.ts';
import { type Difference, differences, expectGolden, type Rule } from './differences.ts';
import { bundle, bundleOf, type Facts, factsIn, factsOf, rootfs } from './probe.ts';

const top = scratchDirectory();
mkdirSync(join(top, 'directory'));
writeFileSync(join(top, 'file'), 'from the host\n');
mkdirSync(join(rootfs, 'secret'), { recursive: true });
writeFileSync(join(rootfs, 'secret/file'), 'of the image\n');
writeFileSync(join(rootfs, 'plain'), 'no program\n', { mode: 0o644 });
writeFileSync(join(rootfs, 'text'), 'no program either\n');
chmodSync(join(rootfs, 'text'), 0o755);

const caller = { env: {}, cwd: '/', ids: library.plainRoot, findDevices: library.findDevices };
const options = { ...library.noOptions, command: ['/bin/probe', 'short'] };
const whole = library.specFromOptions(options, library.imageFacts(rootfs), caller).spec;
const { seccomp, devices, ...linux } = whole.linux;
/** Of the standard cgroup mount peers make something else on every host. */
const base: Spec = {
  ...whole,
  linux: { ...linux, devices: [], maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] },
  mounts: whole.mounts.filter(({ type }) => type !== 'cgroup'),
};

type Part<T> = { readonly [K in keyof T]?: T[K] };
const withProcess = (process: Part<Spec['process']>): Spec => ({
  ...base,
  process: { ...base.process, ...process },
});
const withUser = (user: Part<Spec['process']['user']>, more: Part<Spec['process']> = {}): Spec =>
  withProcess({ ...more, user: { ...base.process.user, ...user } });
const withLinux = (own: Part<Spec['linux']>): Spec => ({
  ...base,
  linux: { ...base.linux, ...own },
});
const withMount = (...mounts: Spec['mounts']): Spec => ({
  ...base,
  mounts: [...base.mounts, ...mounts],
});
const without = (kind: string): Spec =>
  withLinux({ namespaces: base.linux.namespaces.filter(({ type }) => type !== kind) });
const sets = (own: Part<Spec['process']['capabilities']>): Spec['process']['capabilities'] => ({
  bounding: [],
  effective: [],
  permitted: [],
  inheritable: [],
  ambient: [],
  ...own,
});
const all = (...names: string[]) =>
  sets({ bounding: names, effective: names, permitted: names, inheritable: names, ambient: names });
const bind = (source: string, destination: string, ...own: string[]): Spec['mounts'][number] => ({
  type: 'bind',
  source,
  destination,
  options: ['rbind', ...own],
});
const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const limit = (type: string, soft: number, hard: number): Spec['process']['rlimits'][number] => ({
  type,
  soft: BigInt(soft),
  hard: BigInt(hard),
});

const configs: Readonly<Record<string, Spec>> = {
  'the base': base,
  'user 1000': withUser({ uid: 1000 }),
  'user 1000, group 7': withUser({ uid: 1000, gid: 7 }),
  'more groups': withUser({ uid: 1000, gid: 7, additionalGids: [10, 20] }),
  'root with more groups': withUser({ additionalGids: [4, 24] }),
  'user 65534': withUser({ uid: 65534, gid: 65534 }),
  'umask 077': withUser({ umask: 0o077 }),
  'umask 0': withUser({ umask: 0 }),
  'no capabilities': withProcess({ capabilities: sets({}) }),
  'one capability': withProcess({
    capabilities: sets({
      bounding: ['CAP_CHOWN'],
      effective: ['CAP_CHOWN'],
      permitted: ['CAP_CHOWN'],
    }),
  }),
  'all sets': withProcess({ capabilities: all('CAP_CHOWN', 'CAP_KILL') }),
  'bounding alone': withProcess({ capabilities: sets({ bounding: ['CAP_NET_RAW'] }) }),
  'permitted, not effective': withProcess({
    capabilities: sets({ bounding: ['CAP_KILL'], permitted: ['CAP_KILL'] }),
  }),
  'a user with ambient ones': withUser(
    { uid: 1000 },
    { capabilities: all('CAP_NET_BIND_SERVICE') },
  ),
  'a user with effective ones': withUser(
    { uid: 1000 },
    {
      capabilities: sets({
        bounding: ['CAP_KILL'],
        effective: ['CAP_KILL'],
        permitted: ['CAP_KILL'],
      }),
    },
  ),
  'inheritable alone': withProcess({
    capabilities: sets({ bounding: ['CAP_KILL'], inheritable: ['CAP_KILL'] }),
  }),
  'new privileges': withProcess({ noNewPrivileges: false }),
  'a limit of files': withProcess({ rlimits: [limit('RLIMIT_NOFILE', 512, 1024)] }),
  'several limits': withProcess({
    rlimits: [
      limit('RLIMIT_CORE', 0, 0),
      limit('RLIMIT_NPROC', 100, 200),
      limit('RLIMIT_FSIZE', 1 << 20, 1 << 20),
    ],
  }),
  'no limits': withProcess({ rlimits: [] }),
  'another host name': { ...base, hostname: 'teapot.example' },
  'a directory': withProcess({ cwd: '/tmp' }),
  'a directory that is not there': withProcess({ cwd: '/no/directory' }),
  'an environment': withProcess({ env: ['A=1', 'B=two words', 'PATH=/bin'] }),
  'a variable twice': withProcess({ env: ['A=1', 'A=2', 'PATH=/bin'] }),
  'no environment': withProcess({ env: [] }),
  'a name in PATH': withProcess({ args: ['probe', 'short'], env: ['PATH=/nowhere:/bin'] }),
  'a program that is not there': withProcess({ args: ['/not/there'] }),
  'a name that is not there': withProcess({ args: ['not-there'] }),
  'no permission to execute': withProcess({ args: ['/plain'] }),
  'a directory as program': withProcess({ args: ['/etc'] }),
  'a text as program': withProcess({ args: ['/text'] }),
  'an exit status': withProcess({ args: ['/bin/sh', '-c', 'exit 7'] }),
  'ended by a signal': withProcess({ args: ['/bin/sh', '-c', 'kill -KILL $$; sleep 1'] }),
  'a read-only root': { ...base, root: { ...base.root, readonly: true } },
  'a masked file': withLinux({ maskedPaths: ['/secret/file'] }),
  'a masked directory': withLinux({ maskedPaths: ['/secret'] }),
  'a masked path that is not there': withLinux({ maskedPaths: ['/not/masked'] }),
  'a read-only path': withLinux({ readonlyPaths: ['/secret'] }),
  'a tmpfs': withMount({
    type: 'tmpfs',
    source: 'tmpfs',
    destination: '/t',
    options: ['nosuid', 'mode=1777', 'size=1m'],
  }),
  'a tmpfs deep below': withMount({
    type: 'tmpfs',
    source: 'tmpfs',
    destination: '/t/made/deep',
    options: ['noexec'],
  }),
  'a directory of the host': withMount(bind(join(top, 'directory'), '/v')),
  'a read-only directory of the host': withMount(
    bind(join(top, 'directory'), '/v', 'ro', 'nosuid', 'nodev'),
  ),
  'a file of the host': withMount(bind(join(top, 'file'), '/f', 'ro')),
  'a mount in a mount': withMount(bind(join(top, 'directory'), '/v'), {
    type: 'tmpfs',
    source: 'tmpfs',
    destination: '/v/t',
    options: [],
  }),
  "the host's network": without('network'),
  "the host's ipc": without('ipc'),
  "the host's host name": { ...without('uts'), hostname: undefined as never },
  "the host's cgroups": without('cgroup'),
  "the host's processes": without('pid'),
  'a user namespace': withLinux({
    namespaces: [...base.linux.namespaces, { type: 'user' }],
    uidMappings: map,
    gidMappings: map,
  }),
  'an oom score': withProcess({ oomScoreAdj: 500 }),
  'a 32-bit personality': withLinux({ personality: { domain: 'LINUX32' } }),
};

/** The runtimes of today know this version and no newer one. */
const forPeers = (spec: Spec): object => ({ ...spec, ociVersion: '1.0.2' });

function here(spec: Spec): Facts {
  const { stdout, status } = tsbox(['run', '--config', join(bundleOf(spec), 'config.json')]);
  return new Map([...factsIn(stdout), ['exit status', String(status)]]);
}

const endOf = (facts: Facts): Facts => new Map([['exit status', facts.get('exit status') ?? '']]);

const rules: readonly Rule[] = [
  {
    facts: /: mount \/$/,
    why: 'in tsbox no file system but those of devices has any: nodev',
    varies: true,
  },
  { facts: /: mount \/dev$/, why: 'the devices in it are mounts of their own: nodev' },
  {
    facts: /: mount \/dev\/(null|zero|full|random|urandom|tty)$/,
    why: "the host's nodes, of which mode and owner cannot be changed; others make nodes anew",
    varies: true,
  },
  {
    facts: /: mount \/(proc\/sys|secret|secret\/file|not\/masked)$/,
    why: 'what covers a path, or makes it read-only, has nothing to execute and no devices',
    varies: true,
  },
  { facts: /: parent death signal$/, why: 'a box ends when tsbox does, whatever ends it' },
  {
    facts: /: environment HOME$/,
    why: 'the configuration has none; runc and crun add one from passwd(5)',
  },
  {
    facts: /^a directory that is not there: exit status$/,
    why: 'runc and crun make the directory, in the image (see CVE-2024-45310); tsbox refuses',
  },
  {
    facts: /^(a program|a name|no permission|a directory as program|a text).*: exit status$/,
    why: '126 and 127, as from a shell, docker and podman; runc and crun end with 1',
  },
  { facts: /^a 32-bit personality: /, why: 'runc before 1.2 ignores it', varies: true },
  {
    facts: /^the host's cgroups: cgroup$/,
    why: 'runc is in the cgroups of version 1, tsbox in those of version 2, and crun was told to leave them',
    varies: true,
  },
  {
    facts: /^the host's processes: status NStgid$/,
    why: 'it is different in every run',
    varies: true,
  },
];

test('every configuration gives the same, or differs with a reason', {
  timeout: 300_000,
}, async () => {
  const list: Difference[] = [];
  /** What differs in every configuration is said once. */
  const known = new Set<string>();
  for (const [name, spec] of Object.entries(configs)) {
    // First, as the others make in the image what is not there.
    const own = here(spec);
    const peers = (['runc', 'crun'] as const).map((name) => factsOf(bundle(name, forPeers(spec))));
    const [runc, crun] = (await Promise.all(peers)) as [Facts, Facts];
    const found = new Map([
      ['tsbox', own],
      ['runc', runc],
      ['crun', crun],
    ]);
    const ran = [...found.values()].every((facts) => facts.has('process'));
    const compared = ran ? found : new Map([...found].map(([who, facts]) => [who, endOf(facts)]));
    for (const each of differences(compared, rules, `${name}: `)) {
      const text = [each.fact.slice(name.length), ...each.values].join();
      if (!known.has(text)) list.push(each);
      if (spec === base) known.add(text);
    }
  }
  const title = 'What a process finds in tsbox, runc and crun with the same configuration';
  await expectGolden('oci.txt', title, ['tsbox', 'runc', 'crun'], list);
});

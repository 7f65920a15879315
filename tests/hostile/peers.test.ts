/**
 * The same probe in tsbox, runc, crun and bubblewrap, each as it is when nobody asks for anything (runc
 * and crun with the capabilities of docker and podman, and a writable root, as tsbox has; tsbox without
 * a network, as none of the others makes one). Every difference has a reason: golden/peers.txt.
 */
import { expect, test } from 'vitest';
import { tsbox as library } from '../host/library.ts';
import { program } from '../host/tsbox.ts';
import { differences, expectGolden, type Rule } from './differences.ts';
import { bundle, type Facts, factsOf, ownConfig, rootfs } from './probe.ts';

const caller = { env: {}, cwd: '/', ids: library.plainRoot, findDevices: library.findDevices };
const asked = { ...library.noOptions, command: ['/bin/probe'] };
const { spec } = library.specFromOptions(asked, library.imageFacts(rootfs), caller);
const { capabilities } = spec.process;

function byRuntime(name: 'runc' | 'crun'): Promise<Facts> {
  const own = ownConfig(name);
  const args = ['/bin/probe'];
  const process = { ...own.process, terminal: false, args, capabilities };
  return factsOf(bundle(name, { ...own, process, root: { path: rootfs } }));
}

const bubblewrap = [
  ...['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', rootfs, '/'],
  ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
];

const found = new Map<string, Facts>([
  ['tsbox', await factsOf([program, 'run', '--network=none', '--rootfs', rootfs, '/bin/probe'])],
  ['runc', await byRuntime('runc')],
  ['crun', await byRuntime('crun')],
  ['bubblewrap', await factsOf([...bubblewrap, '/bin/probe'])],
]);

const refusedByTsbox = ([tsbox]: readonly string[]): boolean =>
  /^(EPERM|ENOSYS)$/.test(tsbox ?? '');
const sameButInBubblewrap = ([tsbox, runc, crun]: readonly string[]): boolean =>
  tsbox === runc && tsbox === crun;

const ownProfile = "tsbox's own profile refuses it; its peers filter nothing unless told to";
const allOfNamespace = 'bubblewrap leaves root every capability of its user namespace';

const rules: readonly Rule[] = [
  {
    facts: /^call /,
    explains: sameButInBubblewrap,
    why: allOfNamespace,
    varies: true,
  },
  { facts: /^call /, explains: refusedByTsbox, why: ownProfile, varies: true },
  {
    facts: /^deed (chown|become)/,
    why: 'tsbox gives a box 65536 users, bubblewrap one',
  },
  { facts: /^deed file handle$/, why: 'overlayfs gives none', varies: true },
  {
    facts: /^deed (make|open own) device/,
    why: 'tsbox: root of a user namespace makes none, and behind that are nodev and a filter of devices; runc and crun: a filter; bubblewrap: no right to make any',
    varies: true,
  },
  { facts: /^deed /, explains: sameButInBubblewrap, why: allOfNamespace },
  {
    // Not every kernel has these.
    facts: /^deed (socket|io_uring|userfaultfd|new time)/,
    explains: refusedByTsbox,
    why: ownProfile,
    varies: true,
  },
  { facts: /^deed /, explains: refusedByTsbox, why: ownProfile },
  { facts: /^status Seccomp/, why: 'tsbox has a profile of system calls by itself' },
  { facts: /^status Cap/, explains: sameButInBubblewrap, why: allOfNamespace, varies: true },
  {
    facts: /^(uid_map|gid_map|setgroups|namespace user)$/,
    why: 'bubblewrap makes a user namespace, also for root, and so does tsbox; runc and crun when asked to',
    varies: true,
  },
  {
    facts: /^(process|processes|status NStgid)$/,
    why: 'in bubblewrap process 1 is its own, and the workload stays in the session of the caller (CVE-2017-5226; --new-session)',
    varies: true,
  },
  {
    facts: /^(cgroup|namespace cgroup|mount \/sys\/fs\/cgroup.*|file \/sys\/fs\/cgroup.*)$/,
    why: 'runc and crun take what this host has of version 1; bubblewrap shows none',
    varies: true,
  },
  {
    facts: /^descriptors$/,
    why: 'bubblewrap passes on the descriptors that it is given',
    varies: true,
  },
  {
    facts: /^environment /,
    why: 'TERM is in the configuration that runc and crun write; HOME and HOSTNAME are as from podman',
    varies: true,
  },
  { facts: /^host name$/, why: 'everyone has another; bubblewrap keeps the host’s', varies: true },
  {
    facts: /^limit (CORE|NOFILE)$/,
    why: 'the configuration that runc and crun write allows 1024 files; tsbox keeps cores from the programs that the host gives them to',
    varies: true,
  },
  { facts: /^parent death signal$/, why: 'a box ends when tsbox does, whatever ends it' },
  { facts: /^mount \/$/, why: 'what is written vanishes in tsbox', varies: true },
  {
    facts: /^mount \/dev\/(null|zero|full|random|urandom|tty)$/,
    why: "the host's nodes, of which in tsbox mode and owner cannot be changed; runc and crun make nodes anew",
    varies: true,
  },
  { facts: /^mount \/dev$/, why: 'the devices in it are mounts of their own: nodev' },
  {
    facts: /^mount \/(proc|sys)/,
    why: 'what is covered or read-only in tsbox has nothing to execute and no devices; bubblewrap has no /sys',
    varies: true,
  },
  {
    facts: /^mount \/(tmp|dev\/shm|dev\/mqueue)$/,
    why: 'bubblewrap was asked for /tmp, and has no others',
  },
  { facts: /^file /, why: 'the test below compares who may read and write', varies: true },
];

const open = {
  read: (value = ''): boolean => /read:ok|directory filled/.test(value),
  write: (value = ''): boolean => /wri(te|table):ok/.test(value),
};

/** The kernel's files: from what runc or crun keeps a box, tsbox does too. */
test.each(['read', 'write'] as const)('no more files of the kernel than elsewhere: %s', (use) => {
  const may = (who: string, fact: string): boolean => open[use](found.get(who)?.get(fact));
  // What covers a file is a device.
  const device = (fact: string): boolean => /^device/.test(found.get('tsbox')?.get(fact) ?? '');
  // There each has its own cgroup, of either version.
  const own = (fact: string): boolean => use === 'read' && /^file \/sys\/fs\/cgroup\//.test(fact);
  const names = [...(found.get('tsbox')?.keys() ?? [])].filter((fact) => fact.startsWith('file '));
  const more = names.filter(
    (fact) =>
      may('tsbox', fact) &&
      !(device(fact) || own(fact)) &&
      !(may('runc', fact) && may('crun', fact)),
  );
  expect(names.length).toBeGreaterThan(100);
  expect(more).toEqual([]);
});

test('every subject ran', () => {
  expect([...found].map(([name, facts]) => [name, facts.get('exit status')])).toEqual(
    [...found.keys()].map((name) => [name, '0']),
  );
});

test('what differs between tsbox and its peers has a reason', async () => {
  const title = 'What a process finds in tsbox and in its peers';
  await expectGolden('peers.txt', title, [...found.keys()], differences(found, rules));
});

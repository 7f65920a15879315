import { expect, test } from 'vitest';
import {
  checkGuestKernel,
  checkImages,
  checkQemu,
  checkVirtiofsd,
} from '../../src/doctor/brought.ts';
import { checkCgroups, checkScopes, parseCgroupMounts } from '../../src/doctor/cgroups.ts';
import { type Check, canRunContainers, limited, missing, ok } from '../../src/doctor/check.ts';
import {
  checkLandlock,
  checkMountApi,
  checkOverlay,
  checkSeccomp,
} from '../../src/doctor/features.ts';
import { checkKernel, checkNode, checkPrivileges } from '../../src/doctor/kernel.ts';
import { checkKvm } from '../../src/doctor/kvm.ts';
import {
  checkIdMaps,
  checkNamespaces,
  checkRevealing,
  checkUserNamespaces,
} from '../../src/doctor/namespaces.ts';
import { checkNetworks } from '../../src/doctor/networks.ts';
import { checksAsJson, printChecks, wantsColour } from '../../src/doctor/print.ts';

const tool = { name: 'tool', places: ['/a', '/b'], users: 'something', mend: 'bring it' };

/** `status: what`, and why or how to mend it must be there where all is not well. */
function verdict(check: Check): string {
  expect(check.why !== '' && check.mend !== '').toBe(check.status !== 'ok');
  return `${check.status}: ${check.what}`;
}

const cause = { sentence: 'it is so', mend: 'mend it' };
const can = { rights: undefined, writable: true };

test.each([
  [checkKernel('6.1.0-18-amd64', undefined), 'ok: Linux 6.1.0-18-amd64'],
  [checkKernel('5.8.18', cause), 'missing: Linux 5.8.18'],
  [checkPrivileges(0, undefined), 'ok: root'],
  [checkPrivileges(0, cause), 'missing: root without its rights'],
  [checkPrivileges(1000, undefined), 'ok: user 1000'],
  [checkMountApi('descriptors', undefined), 'ok: made by descriptors'],
  [checkMountApi('paths', undefined), 'limited: made by mount(2)'],
  [checkMountApi('paths', cause), 'limited: made by mount(2)'],
  [checkNetworks({ refused: undefined, ...can }), 'ok: bridges and nf_tables'],
  [checkNetworks({ ...can, refused: 'sendto: EOPNOTSUPP' }), 'missing: none but loopback'],
  [checkNetworks({ refused: undefined, ...can, rights: cause }), 'missing: none but loopback'],
  [checkNetworks({ refused: undefined, ...can, writable: false }), 'missing: none but loopback'],
  [checkNode('22.14.0'), 'ok: 22.14.0'],
  [checkNode('20.20.2'), 'missing: 20.20.2'],
  [checkIdMaps(1000, true, undefined), 'ok: by newuidmap and newgidmap'],
  [checkIdMaps(0, true, undefined), 'ok: written by root itself'],
  [checkIdMaps(1000, true, cause), 'missing: your own id alone'],
  [checkIdMaps(1000, false, undefined), 'missing: none'],
  [checkRevealing([undefined, undefined]), 'ok: a box in a user namespace can have its own'],
  [checkRevealing([undefined, cause]), 'missing: none of its own in a user namespace'],
  [checkSeccomp('kill_process errno allow\n'), 'ok: kill_process errno allow'],
  [checkSeccomp(undefined), 'limited: not there'],
  [checkLandlock(6), 'ok: version 6'],
  [checkLandlock(5), 'limited: version 5'],
  [checkLandlock(undefined), 'limited: not there'],
  [checkOverlay('nodev\tproc\nnodev\toverlay\n', ''), 'ok: there'],
  [
    checkOverlay('', 'kernel/fs/overlayfs/overlay.ko.xz:\n'),
    'ok: a module, loaded when the first box needs it',
  ],
  [checkOverlay('nodev\tnotoverlay\n', 'kernel/fs/overlay.korea\n'), 'limited: not there'],
  [checkQemu(tool, { used: 'QEMU 7.2' }), 'ok: QEMU 7.2'],
  [checkQemu(tool, { unfit: 'too old' }), 'missing: none that can be used'],
  [checkQemu(tool, {}), 'missing: no tool in /a, /b'],
  [checkVirtiofsd(tool, '/b/tool'), 'ok: /b/tool'],
  [checkVirtiofsd(tool), 'limited: not in /a, /b'],
  [checkImages(['a', 'b'], '/d'), 'ok: a, b in /d/images'],
  [checkImages([], '/d'), 'limited: none in /d/images'],
  [checkGuestKernel('/k', () => true), 'ok: /k'],
  [checkGuestKernel('/k', (path) => path === '/k/vmlinux'), 'limited: /k, no modules'],
  [checkGuestKernel('/k', () => false), 'missing: none in /k'],
])('%j', (check, result) => {
  expect(verdict(check)).toBe(result);
});

test('a namespace that the kernel lacks is named with its option', () => {
  const checks = checkNamespaces(['pid', 'mnt', 'uts', 'ipc', 'cgroup'], {});
  expect(checks.filter(({ status }) => status !== 'ok')).toEqual([
    expect.objectContaining({
      name: 'namespace net',
      status: 'missing',
      why: 'the kernel was built without CONFIG_NET_NS',
    }),
  ]);
});

test('a namespace of which there can be no more is told by its cause', () => {
  const kinds = ['pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'];
  const checks = checkNamespaces(kinds, { uts: cause });
  expect(checks.filter(({ status }) => status !== 'ok')).toEqual([
    {
      name: 'namespace uts',
      status: 'missing',
      what: 'refused',
      why: cause.sentence,
      mend: cause.mend,
      for: 'containers',
    },
  ]);
});

test.each([
  [{ present: true, worked: true, cause: undefined }, 'ok', ''],
  [{ present: false, worked: false, cause: undefined }, 'missing', 'CONFIG_USER_NS'],
  [{ present: true, worked: false, cause }, 'missing', cause.sentence],
  [{ present: true, worked: false, cause: undefined }, 'missing', 'no cause was proved'],
])('user namespaces with %j', (facts, status, why) => {
  const check = checkUserNamespaces(0, facts);
  expect(check.for).toBe('some options');
  expect(checkUserNamespaces(1000, facts).for).toBe('containers');
  verdict(check);
  expect(check.status).toBe(status);
  expect(check.why).toContain(why);
});

const unifiedHost =
  '23 22 0:21 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const hybridHost = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,release_agent=/x
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;

test.each([
  ['', undefined, []],
  [unifiedHost, '/sys/fs/cgroup', []],
  [hybridHost, '/sys/fs/cgroup/unified', ['cpu', 'cpuacct', 'memory']],
])('cgroup mounts of %j', (mountinfo, unified, legacy) => {
  expect(parseCgroupMounts(mountinfo)).toEqual({ unified, legacy });
});

test.each([
  [unifiedHost, 'cpuset cpu io memory pids\n', 'ok', ''],
  [unifiedHost, 'cpu pids\n', 'limited', 'withholds the rest; --memory are refused'],
  [
    hybridHost,
    'hugetlb pids\n',
    'limited',
    'hybrid: cgroup v1 holds memory, cpu; --memory, --cpus are refused',
  ],
  [
    hybridHost.split('\n').slice(0, 4).join('\n'),
    '',
    'missing',
    'cgroup v1 alone (cpu, cpuacct, memory)',
  ],
  ['', '', 'missing', 'nothing mounts it'],
])('cgroups of %j with %j', (mountinfo, controllers, status, why) => {
  const check = checkCgroups(parseCgroupMounts(mountinfo), controllers);
  verdict(check);
  expect(check.status).toBe(status);
  expect(check.why).toContain(why);
});

const scopes = { mount: '/c', top: '/c/app.slice' };
test.each([
  [
    { ...scopes, controllers: ['cpu', 'memory', 'pids'] },
    'ok',
    'by a scope of systemd’s in /c/app',
  ],
  [{ ...scopes, controllers: ['memory'] }, 'limited', '--cpus, --pids-limit are refused'],
  [
    { why: 'it hangs', mend: 'log in anew' },
    'missing',
    'a sentence; systemd gives none, as it hangs',
  ],
])('cgroups by systemd: %j', (found, status, said) => {
  const mounts = parseCgroupMounts(unifiedHost);
  const own = checkCgroups(mounts, '', { sentence: 'a sentence', mend: 'a command' });
  const check = checkScopes(mounts, own, found, ['cpu', 'memory', 'pids']);
  verdict(check);
  expect(check.status).toBe(status);
  expect(`${check.what}; ${check.why}`).toContain(said);
});

const kvm = { present: true, openError: '', cpuinfo: 'flags\t: fpu svm sse\n', verdict: undefined };
test.each([
  [{}, 'ok: /dev/kvm opens'],
  [{ cpuinfo: 'Features\t: fp asimd\n' }, 'ok: /dev/kvm opens'],
  [{ cpuinfo: 'flags\t: fpu svmx\n' }, 'limited: present, perhaps not usable'],
  [{ present: false, openError: 'ENOENT' }, 'limited: no /dev/kvm'],
  [{ openError: 'EACCES' }, 'limited: present, but not for you'],
  [
    { verdict: '{"usable": true, "why": ""}', cpuinfo: 'flags\t: fpu\n' },
    'ok: usable: a guest was seen to boot',
  ],
  [{ verdict: '{"usable": false, "why": "the guest froze"}' }, 'limited: only present'],
  [{ verdict: '{"usable"' }, 'ok: /dev/kvm opens'],
])('KVM with %j', (own, result) => {
  expect(verdict(checkKvm({ ...kvm, ...own }))).toBe(result);
});

const fine = ok('one', 'containers', 'there');
const poor = limited('second', 'containers', 'a part', 'because', 'do this');
const none = missing('third', 'micro-VMs', 'not there', 'because', 'do that');

test.each([
  [[fine, poor, none], true],
  [[fine, missing('x', 'containers', '', '', '')], false],
])('containers can run: %#', (checks, can) => {
  expect(canRunContainers(checks)).toBe(can);
  expect(JSON.parse(checksAsJson(checks))).toEqual({ version: 1, containers: can, checks });
});

test('the checks for people', () => {
  expect(printChecks([fine, poor, none], false)).toMatchInlineSnapshot(`
    "✓ ok       one     there
    ! limited  second  a part
                       for containers; because
                       to mend it: do this
    ✗ missing  third   not there
                       for micro-VMs; because
                       to mend it: do that

    Containers can run on this host."
  `);
  expect(printChecks([fine], true)).toContain('\x1b[32m✓ ok     \x1b[0m  one');
});

test.each([
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ TERM: 'dumb' }, true, false],
])('colour with %j on a terminal (%j): %j', (env, terminal, wanted) => {
  expect(wantsColour(env, terminal)).toBe(wanted);
});

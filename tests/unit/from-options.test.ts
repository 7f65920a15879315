import { expect, test } from 'vitest';
import { plainRoot } from '../../src/spec/caller-ids.ts';
import { specFromOptions } from '../../src/spec/from-options.ts';
import { type Caller, noOptions, type RunOptions } from '../../src/spec/run-options.ts';
import { problemsOf } from './problems.ts';

const image = {
  rootfs: '/images/one',
  passwd: 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nbig:x:70000:0::/:',
  group: 'wheel:x:10:user',
};
const findDevices: Caller['findDevices'] = () => [
  { below: '', type: 'c', major: 10, minor: 229, fileMode: 0o600, uid: 0, gid: 0 },
];
const caller: Caller = {
  env: { LANG: 'C' },
  cwd: '/here',
  findDevices,
  ids: plainRoot,
};
const plain: RunOptions = { ...noOptions, command: ['true'] };
const make = (own: Partial<RunOptions>) => specFromOptions({ ...plain, ...own }, image, caller);
const problems = (own: Partial<RunOptions>) => problemsOf(() => make(own));

test('the box that nobody asked anything of', () => {
  expect(make({})).toMatchSnapshot();
});

test('root holds the default capabilities', () => {
  const { capabilities } = make({}).spec.process;
  expect(capabilities.effective).toHaveLength(14);
  expect(capabilities.permitted).toEqual(capabilities.bounding);
  expect([...capabilities.inheritable, ...capabilities.ambient]).toEqual([]);
});

test('another user holds none', () => {
  const { capabilities } = make({ user: 'user' }).spec.process;
  expect([...capabilities.effective, ...capabilities.permitted]).toEqual([]);
  expect(capabilities.bounding).toHaveLength(14);
});

test.each<[Partial<RunOptions>, string[]]>([
  [{}, ['HOSTNAME=tsbox', 'HOME=/root']],
  [{ user: 'user' }, ['HOSTNAME=tsbox', 'HOME=/home/user']],
  [{ hostname: 'h' }, ['HOSTNAME=h', 'HOME=/root']],
  [{ env: ['A=1', 'B=', 'C=x=y'] }, ['HOSTNAME=tsbox', 'HOME=/root', 'A=1', 'B=', 'C=x=y']],
  [{ env: ['A=1', 'A=2'] }, ['HOSTNAME=tsbox', 'HOME=/root', 'A=2']],
  [{ env: ['HOME=/x'] }, ['HOSTNAME=tsbox', 'HOME=/x']],
  [{ env: ['LANG'] }, ['HOSTNAME=tsbox', 'HOME=/root', 'LANG=C']],
  [{ env: ['UNSET'] }, ['HOSTNAME=tsbox', 'HOME=/root']],
])('environment of %j', (own, env) => {
  expect(make(own).spec.process.env.slice(1)).toEqual(env);
});

test.each<[Partial<RunOptions>, object]>([
  [{}, {}],
  [{ memory: '1m' }, { memory: { limit: 1048576 } }],
  [{ cpus: '1' }, { cpu: { quota: 100000, period: 100000 } }],
  [{ pidsLimit: '5' }, { pids: { limit: 5 } }],
  [{ pidsLimit: '-1' }, {}],
  [
    { device: ['/dev/fuse:rw'] },
    { devices: [{ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }] },
  ],
])('resources of %j', (own, resources) => {
  expect(make(own).spec.linux.resources).toEqual(resources);
});

test('a volume lies over a tmpfs, and both over the defaults', () => {
  const { mounts } = make({ volume: ['/a:/t/a'], tmpfs: ['/t'] }).spec;
  expect(mounts.slice(-2).map((mount) => mount.destination)).toEqual(['/t', '/t/a']);
});

test('the last of two limits with one name counts', () => {
  const { rlimits } = make({ ulimit: ['nofile=1', 'core=0', 'nofile=2'] }).spec.process;
  expect(rlimits.map(({ type, soft }) => `${type} ${soft}`)).toEqual([
    'RLIMIT_CORE 0',
    'RLIMIT_NOFILE 2',
  ]);
});

test('cores are off, at the limit at which no program of the host gets them either', () => {
  expect(make({}).spec.process.rlimits).toEqual([{ type: 'RLIMIT_CORE', soft: 1n, hard: 1n }]);
});

test.each<[Partial<RunOptions>, number[]]>([
  [{ user: 'user' }, [10]],
  [{ user: 'user', groupAdd: ['7', 'wheel', '7'] }, [10, 7]],
  [{ groupAdd: ['wheel', '0'] }, [10, 0]],
  [{ user: '1000:1000', groupAdd: ['4294967294'] }, [4294967294]],
])('supplementary groups of %j', (own, groups) => {
  expect(make(own).spec.process.user.additionalGids).toEqual(groups);
});

test.each([
  ['-1000', -1000],
  ['0', 0],
  ['1000', 1000],
])('--oom-score-adj %s', (value, score) => {
  expect(make({ oomScoreAdj: value }).spec.process.oomScoreAdj).toBe(score);
});

test.each<[Partial<RunOptions>, unknown]>([
  [{ writable: true }, 'writable'],
  [{ readOnly: true }, 'ephemeral'],
])('layer of %j', (own, layer) => {
  expect(make(own).layer).toBe(layer);
  expect(make(own).spec.root.readonly).toBe(own.readOnly ?? false);
});

const hostname =
  'not a host name: letters, digits and hyphens, a dot between parts, 64 characters at most, are (RFC 1123)';
const long = 'a'.repeat(63);
test.each(['a', 'A-1', 'a.b', long])('--hostname %s', (value) => {
  expect(make({ hostname: value }).spec.hostname).toBe(value);
});

test.each<[Partial<RunOptions>, string]>([
  [{ command: [] }, 'no command to run; the first word behind IMAGE is the program'],
  [{ command: [''] }, 'no command to run; the first word behind IMAGE is the program'],
  [{ hostname: '' }, `--hostname : ${hostname}`],
  [{ hostname: '-a' }, `--hostname -a: ${hostname}`],
  [{ hostname: 'a.' }, `--hostname a.: ${hostname}`],
  [{ hostname: 'a_b' }, `--hostname a_b: ${hostname}`],
  [{ hostname: `${long}a` }, `--hostname ${long}a: ${hostname}`],
  [{ hostname: `${long}.a` }, `--hostname ${long}.a: ${hostname}`],
  [
    { workdir: 'x' },
    '--workdir x: a relative path; absolute ones, as seen in the box, are allowed',
  ],
  [{ env: ['=1'] }, '--env =1: no name; NAME=VALUE, and NAME for your own value, are allowed'],
  [{ env: [''] }, '--env : no name; NAME=VALUE, and NAME for your own value, are allowed'],
  [
    { userns: 'auto', user: 'big' },
    '--user big: the box has no user with id 70000: they end at 65535',
  ],
  [
    { userns: 'auto', groupAdd: ['70000'] },
    '--group-add 70000: the box has no group with id 70000: they end at 65535',
  ],
  [
    { groupAdd: ['staff'] },
    '--group-add staff: the image\'s /etc/group has no group "staff"; it has wheel; an id works without an entry',
  ],
  [
    { groupAdd: ['4294967295'] },
    '--group-add 4294967295: 4294967295 is not an id: whole numbers from 0 to 4294967294 without leading zeros are',
  ],
  [
    { groupAdd: ['keep-groups'] },
    "--group-add keep-groups: the caller's groups on the host are not given to a box, as its files would be open to it; name the groups that it needs",
  ],
  ...['', '1001', '-1001', '1.5', '0x10', '99999'].map((oomScoreAdj): [object, string] => [
    { oomScoreAdj },
    `--oom-score-adj ${oomScoreAdj}: not a score: whole numbers from -1000 to 1000 are`,
  ]),
  [
    { readOnly: true, writable: true },
    '--read-only and --writable contradict each other; give one of them or none',
  ],
  [
    { volume: ['/a:/x', '/b:/x/'], tmpfs: ['/x'] },
    '/x is given twice by --volume, --tmpfs or --mount; one of them can be mounted there',
  ],
  [
    { device: ['/dev/a:/x', '/dev/b:/x/'] },
    '/x is given twice by --device, --volume and --tmpfs; one of them can be there',
  ],
  [
    { device: ['/dev/a:/x'], tmpfs: ['/x'] },
    '/x is given twice by --device, --volume and --tmpfs; one of them can be there',
  ],
])('%j is refused', (own, problem) => {
  expect(problems(own)).toEqual([problem]);
});

test.each<[Partial<RunOptions>, string]>([
  [{ memory: '' }, '--memory '],
  [{ cpus: '' }, '--cpus '],
  [{ pidsLimit: '' }, '--pids-limit '],
  [{ umask: '' }, '--umask '],
  [{ user: '' }, '--user '],
  [{ workdir: '' }, '--workdir '],
  [{ userns: '' }, '--userns '],
])('the empty value of %j is not taken for no value', (own, start) => {
  expect(problems(own)).toEqual([expect.stringContaining(start)]);
});

test('everything that is wrong is named at once', () => {
  const wrong = { memory: 'x', cpus: 'y', user: 'z', env: ['=', '=='], volume: ['v'], umask: '9' };
  expect(problems(wrong)).toHaveLength(7);
});

test.each<[string[], boolean]>([
  [[], true],
  [['no-new-privileges'], true],
  [['no-new-privileges=true'], true],
  [['no-new-privileges=false'], false],
  [['no-new-privileges:false'], false],
  [['no-new-privileges=false', 'no-new-privileges'], true],
])('--security-opt %j', (securityOpt, expected) => {
  expect(make({ securityOpt }).spec.process.noNewPrivileges).toBe(expected);
});

test.each<[string[], string | undefined, string | undefined]>([
  [['label=disable'], undefined, undefined],
  [['label=type:a_t', 'label=disable'], undefined, undefined],
  [['label=type:a_t', 'label:disable'], undefined, undefined],
  [
    ['label=type:a_t', 'label=level:s0:c1,c2'],
    'system_u:system_r:a_t:s0:c1,c2',
    'system_u:object_r:container_file_t:s0:c1,c2',
  ],
  [
    ['label=user:u_u', 'label=role:r_r', 'label=filetype:f_t'],
    'u_u:r_r:container_t:s0',
    'u_u:object_r:f_t:s0',
  ],
])('--security-opt %j', (securityOpt, label, ofMounts) => {
  const { process, linux } = make({ securityOpt }).spec;
  expect([process.selinuxLabel, linux.mountLabel]).toEqual([label, ofMounts]);
});

test('--security-opt apparmor=PROFILE', () => {
  expect(make({ securityOpt: ['apparmor=p'] }).spec.process.apparmorProfile).toBe('p');
});

test.each([
  'nothing',
  'no-new-privileges=maybe',
  'constructor',
  '',
  'apparmor',
  'apparmor=two words',
  'label',
  'label=type:',
  'label=type:a b',
  'label=other:x',
  'proc-opts=hidepid=2',
  'mask',
  'mask=proc',
  'mask=/',
  'mask=/a::/b',
  'unmask=',
])('--security-opt %j is refused', (word) => {
  expect(problems({ securityOpt: [word] })[0]).toMatch(`--security-opt ${word}`);
});

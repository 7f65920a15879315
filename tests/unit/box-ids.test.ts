import { expect, test } from 'vitest';
import { type CallerIds, plainRoot } from '../../src/spec/caller-ids.ts';
import { specFromOptions } from '../../src/spec/from-options.ts';
import { noOptions, type RunOptions } from '../../src/spec/run-options.ts';
import { problemsOf } from './problems.ts';

const image = {
  rootfs: '/images/one',
  passwd: 'root:x:0:0::/root:\nuser:x:1000:1000::/:\nbig:x:70000:0::/:',
  group: 'wheel:x:10:root,user\nusers:x:1000:user',
};
const single: CallerIds = { ...plainRoot, kind: 'user', uid: 1000, gid: 1000, name: 'alice' };
const ranged: CallerIds = {
  ...single,
  subuid: 'alice:100000:65536',
  subgid: 'alice:100000:65536',
  mapPrograms: { uid: '/usr/bin/newuidmap', gid: '/usr/bin/newgidmap' },
};
const make = (own: Partial<RunOptions>, ids: CallerIds = plainRoot) =>
  specFromOptions({ ...noOptions, command: ['true'], ...own }, image, {
    env: {},
    cwd: '/',
    findDevices: () => [
      { below: '', type: 'c', major: 10, minor: 229, fileMode: 0o600, uid: 0, gid: 0 },
    ],
    ids,
  });

test('a range of its own is what root’s boxes get', () => {
  expect(make({}).ids).toEqual({ own: 'preferred', uid: [], gid: [], asked: false });
});

const given = 'root of this box is root of the host: ';

test.each<[Partial<RunOptions>, string]>([
  [{ device: ['/dev/fuse'] }, '--device: only the host’s root has the rights of its devices'],
  [{ capAdd: ['NET_ADMIN', 'cap_sys_time'] }, '--cap-add SYS_TIME: it means nothing to any other'],
  [{ capAdd: ['all'] }, '--cap-add ALL: it means nothing to any other'],
  [{ oomScoreAdj: '-5' }, '--oom-score-adj -5: no other may lower it'],
  [{ user: '70000' }, 'id 70000 is above those of its own, which end at 65535'],
  [{ user: '0:70000' }, 'id 70000 is above those of its own, which end at 65535'],
  [{ groupAdd: ['65536'] }, 'id 65536 is above those of its own, which end at 65535'],
  [
    { volume: ['/a:/a:rshared'] },
    'slave and shared volumes: what is mounted later has the owners that it has on the host',
  ],
])('%j needs the host’s ids, which are given and said', (own, why) => {
  expect(make(own).ids).toMatchObject({ own: 'no', given: given + why });
  const asked = { ...own, userns: 'auto' };
  if (own.user === undefined && own.groupAdd === undefined)
    expect(make(asked).ids).toMatchObject({ own: 'required' });
  else expect(problemsOf(() => make(asked)).join()).toContain('they end at 65535');
});

test.each<Partial<RunOptions>>([
  { capAdd: ['NET_ADMIN'] },
  { oomScoreAdj: '5' },
  { user: 'user' },
  { groupAdd: ['65535'] },
  { volume: ['/a:/a:unbindable'] },
])('%j does not need them', (own) => {
  expect(make(own).ids.own).toBe('preferred');
});

test.each<[string, string, Partial<RunOptions>, string]>([
  ['root:x:0:0::/:', 'x:x:70000:root', {}, ''],
  ['root:x:0:70000::/:', '', {}, '--user 0: the box has no group with id 70000'],
  ['app:x:70000:0::/:', '', { user: 'app' }, '--user app: the box has no user with id 70000'],
  ['app:x:1:70000::/:', '', { user: '1' }, '--user 1: the box has no group with id 70000'],
  ['', 'x:x:70000:', { groupAdd: ['x'] }, '--group-add x: the box has no group with id 70000'],
])('an image with %j and %j does not get the ids of the host', (passwd, group, own, problem) => {
  const made = () =>
    specFromOptions(
      { ...noOptions, command: ['true'], ...own },
      { rootfs: '/i', passwd, group },
      {
        env: {},
        cwd: '/',
        findDevices: () => [],
        ids: plainRoot,
      },
    );
  if (problem === '') {
    expect(made().ids.own).toBe('preferred');
    expect(made().spec.process.user.additionalGids).toEqual([]);
  } else expect(problemsOf(made).join()).toContain(problem);
});

test('a mapped volume makes a range of its own a condition', () => {
  expect(make({ volume: ['/a:/a:idmap'] }).ids).toMatchObject({ own: 'required', asked: true });
});

test.each<[Partial<RunOptions>, CallerIds, string]>([
  [{ userns: 'host' }, plainRoot, 'give no --userns=host, or leave idmap out'],
  [{ capAdd: ['SYS_TIME'] }, plainRoot, 'it means nothing to any other, or leave idmap out'],
  [{}, single, 'idmap: only root of the host can map the owners of files'],
])('idmap with %j is refused', (own, caller, message) => {
  const problems = problemsOf(() => make({ ...own, volume: ['/a:/a:idmap'] }, caller));
  expect(problems.join()).toContain(message);
});

test('groups of the image that the box does not have are left out, those that were asked for are not', () => {
  const groups = (own: Partial<RunOptions>, ids: CallerIds) =>
    make(own, ids).spec.process.user.additionalGids;
  expect(groups({}, plainRoot)).toEqual([10]);
  expect(groups({}, single)).toEqual([]);
  expect(groups({}, ranged)).toEqual([10]);
  expect(problemsOf(() => make({ groupAdd: ['wheel'] }, single)).join()).toContain(
    '--group-add wheel: the box has no group with id 10: /etc/subuid and /etc/subgid have no line for alice: as root, `usermod',
  );
});

test.each<[Partial<RunOptions>, string]>([
  [{ user: 'user' }, '--user user: the box has no user with id 1000: '],
  [{ user: '0:5' }, '--user 0:5: the box has no group with id 5: '],
  [{ userns: 'keep-id', user: '0' }, '--user 0: the box has no user with id 0: '],
])('%j of a user with one id is refused', (own, message) => {
  expect(problemsOf(() => make(own, single)).join()).toContain(message);
});

test('keep-id makes the workload that user, unless another one is asked for', () => {
  const user = (own: Partial<RunOptions>, ids: CallerIds) => make(own, ids).spec.process.user;
  expect(user({ userns: 'keep-id' }, single)).toMatchObject({ uid: 1000, gid: 1000 });
  expect(user({ userns: 'keep-id:uid=5,gid=6' }, ranged)).toMatchObject({ uid: 5, gid: 6 });
  expect(user({ userns: 'keep-id', user: '7' }, ranged)).toMatchObject({ uid: 7, gid: 0 });
});

/** What is mounted in a box, and how: by descriptors, and by paths where those calls are refused. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errnoNumber } from '../../src/abi/errno.ts';
import { compile } from './programs.ts';
import {
  eachLeavesNothing,
  program,
  type Result,
  starter,
  through,
  tsbox,
  under,
} from './tsbox.ts';

const refuse = compile('refuse-calls');
const refusing = (error: 'ENOSYS' | 'EPERM') => [refuse, String(errnoNumber(error))];
const ways = {
  descriptors: through(),
  'paths, as the calls are missing (ENOSYS)': under(...refusing('ENOSYS')),
  'paths, as the calls are forbidden (EPERM)': under(...refusing('EPERM')),
};

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mounts-'));
  for (const name of ['data/sub', 'image', 'other'])
    mkdirSync(join(scratch, name), { recursive: true });
  writeFileSync(join(scratch, 'data/file'), 'text\n');
  onHost(`cp -a ${starter.image}/. ${scratch}/image`);
  onHost(`chown -R ${starter.user}:${starter.user} ${scratch}`);
});
afterAll(() => rmSync(scratch, { recursive: true }));
eachLeavesNothing();

function onHost(script: string): string {
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
}

/** Whose boxes are in a user namespace, however they are asked for. */
const byUser = starter.user !== 0;
/** Where a box of root's has to ask for a user namespace. */
const auto = byUser ? '' : '--userns=auto ';
/** In a user namespace the times of access stay as they are on the host. */
const withoutTimes = (flags: string) =>
  byUser ? flags.replaceAll(/(strict|no|nodir)atime,/g, '') : flags;

/** Words in which `D` is the scratch directory. */
const own = (words: string) => words.split(' ').map((word) => word.replaceAll('D/', `${scratch}/`));

/** With the host's ids, as the owners of files can be mapped in one of the ways only. */
function run(way: readonly string[], flags: string, script: string): Result {
  const ids = flags.includes('--userns') ? [] : ['--userns=host'];
  const words = ['run', ...ids, ...own(flags), '--', 'sh', '-c', script];
  return tsbox(words, '', process.env, way);
}

/** What a box has mounted, without what is drawn by lot: root, place, attributes and type of each. */
function tableOf(way: readonly string[], flags: string): string[] {
  const { stdout, stderr } = run(way, flags, 'cat /proc/self/mountinfo');
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [, , , root, place, attributes, ...rest] = line.split(' ');
      const [type, , options] = rest.slice(rest.indexOf('-') + 1);
      return [root, place, attributes, type, options].join(' ');
    });
}

test.each([
  'busybox',
  '--read-only --tmpfs /t:size=1m,mode=700 busybox',
  '--writable --rootfs D/image',
  '-v D/data:/v:ro,noexec -v D/data/file:/v/file -v D/data:/new/place:bind,noatime,exec,dev,suid busybox',
  '--tmpfs /t:exec,ro --mount type=bind,src=D/data,dst=/t2/a,ro=false busybox',
  '-v D/data:/dev/data:strictatime,nodiratime,unbindable busybox',
])('the same is mounted by paths as by descriptors: %s', (flags) => {
  const tables = Object.values(ways).map((way) => tableOf(way, withoutTimes(flags)));
  const [byDescriptors, ...byPaths] = tables;
  expect(byDescriptors?.length).toBeGreaterThan(15);
  for (const table of byPaths) expect(table).toEqual(byDescriptors);
});

describe.each(Object.entries(ways))('by %s', (name, way) => {
  const attributesAt = (place: string, flags: string) => {
    const line = tableOf(way, flags).find((each) => each.split(' ')[1] === place);
    return line?.split(' ')[2];
  };

  test.each([
    ['', 'rw,nosuid,nodev,relatime'],
    [':ro', 'ro,nosuid,nodev,relatime'],
    [':bind,ro', 'ro,nosuid,nodev,relatime'],
    [':rro,noexec', 'ro,nosuid,nodev,noexec,relatime'],
    [':suid,dev', 'rw,relatime'],
    [':noatime,nodiratime', 'rw,nosuid,nodev,noatime,nodiratime'],
    [':strictatime', 'rw,nosuid,nodev'],
  ])('-v SRC:DST%s is mounted %s', (options, attributes) => {
    const flags = `-v D/data:/v${options} busybox`;
    if (withoutTimes(`${options},`) === `${options},`)
      return expect(attributesAt('/v', flags)).toBe(attributes);
    const { status, stderr } = run(way, flags, 'true');
    expect(stderr).toMatch(/^tsbox: mount(_setattr)? failed: EPERM/);
    expect(stderr).toMatch(/cause: what .*data lies on is locked as to its times of access/);
    expect(status).toBe(125);
  });

  test('a volume keeps the attributes that it has on the host', () => {
    const mount = `mount -t tmpfs -o noexec,noatime tsbox-test ${scratch}/other`;
    const by = ['unshare', '-m', 'sh', '-c', `${mount}; exec "$0" "$@"`, ...way];
    const { stdout } = run(by, '-v D/other:/v:ro busybox', 'grep " /v " /proc/self/mountinfo');
    expect(stdout).toMatch(/^.* \/v ro,nosuid,nodev,noexec,noatime - tmpfs/);
  });

  test.each([
    ['-v D/data/file:/etc', 'a file can be mounted over a file only: where /etc is a directory'],
    ['-v D/data:/etc/passwd', '/etc/passwd must be a directory of the image'],
    ['-v D/data:/a:ro -v D/data:/a/b/c', '/a/b is missing and cannot be made where it should be'],
    ['-v D/data:/a:ro -v D/data/file:/a/b', '/a/b is missing and cannot be made'],
    ['-v D/data:/a -v D/data:/a/file/b', '/a/file must be a directory of the mount at /a'],
    ['--tmpfs /t:ro -v D/data:/t/a', '/t/a is missing and cannot be made'],
  ])('%s: %s', (flags, message) => {
    const { status, stderr } = run(way, `${flags} busybox`, 'true');
    expect(stderr).toContain(message);
    expect(status).toBe(125);
  });

  test(`a root file system that cannot be a layer is ${byUser ? 'copied' : 'refused with what to do'}`, () => {
    // Overlays lie two deep at most. Directories that are closed to their owner hinder no removal.
    const deep = `set -e; cd ${scratch}/other; mount -t tmpfs -o uid=${starter.user} tsbox-test .
      cd ${scratch}/other; mkdir u1 u2 w1 w2 m1 m2; cp -a ${scratch}/image closed; mkdir closed/in; touch closed/in/file
      chown -R ${starter.user}:${starter.user} .; chmod 555 closed/in u2
      mount -t overlay -o lowerdir=closed,upperdir=u1,workdir=w1 o m1
      mount -t overlay -o lowerdir=m1,upperdir=u2,workdir=w2 o m2; cd /; exec "$0" "$@"`;
    const by = ['unshare', '-m', 'sh', '-c', deep, ...way];
    const { status, stdout, stderr } = run(by, '--rootfs D/other/m2', 'ls /in');
    if (byUser) {
      expect(stderr).toMatch(
        /^tsbox: overlayfs cannot be mounted .*\n.*the image is copied first.*\n$/,
      );
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'file\n' });
    } else {
      expect(stderr).toContain('the image must lie on an ordinary file system, not on /proc');
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    }
  });

  test('/proc is no image, nor can it be copied to be one', () => {
    const { status, stderr } = run(way, '--rootfs /proc/tty', 'true');
    expect(stderr).toMatch(/^tsbox: (fsconfig|mount) failed: EINVAL/);
    expect(stderr).toContain('the image must lie on an ordinary file system, not on /proc');
    expect(status).toBe(125);
  });

  test.each(['', '--read-only '])(
    '%smissing mount points are made, in the box only',
    (readonly) => {
      const flags = `${readonly}-v D/data:/new/a -v D/data/file:/new/b --tmpfs /other/c busybox`;
      const { stdout, status } = run(way, flags, 'cat /new/a/file /new/b; ls /other');
      expect({ stdout, status }).toEqual({ stdout: 'text\ntext\nc\n', status: 0 });
      expect(existsSync(join(starter.image, 'new'))).toBe(false);
    },
  );

  test.each([
    ['in which the directory of the state lies', '/..', '/v/boxes'],
    ['which is the directory of the state', '', '/v'],
  ])('a volume %s does not show what the box is made of', (_, above, place) => {
    const { stdout } = run(way, `-v ${starter.state}${above}:/v busybox`, `ls ${place}`);
    expect(stdout).toMatch(/^[0-9a-f]+\.lock$/m);
    expect(stdout).not.toMatch(/^(lower|upper|work|scratch|empty)$/m);
  });

  test('no descriptor and no other mount is left in the box', () => {
    const { stdout } = run(way, '-v D/data:/v busybox', 'ls /proc/self/fd | wc -l; ls /');
    expect(stdout).toMatch(/^4\n/);
    expect(stdout).not.toMatch(/^(lower|upper|work|scratch|empty)$/m);
  });

  test(`explain shows the calls that run makes`, () => {
    const { stdout, status } = tsbox(['explain', 'busybox', '--', 'true'], '', process.env, way);
    expect(status).toBe(0);
    expect(/^move_mount\(/m.test(stdout)).toBe(name === 'descriptors');
    expect(/^mount\(.*MS_MOVE/m.test(stdout)).toBe(name !== 'descriptors');
  });
});

const [byDescriptors, byPaths] = Object.values(ways) as [readonly string[], readonly string[]];

test(`ids that no other box has are refused ${byUser ? 'to users' : 'by paths'}`, () => {
  const { status, stderr } = run(byPaths, '--userns=auto busybox', 'true');
  expect(stderr).toContain(
    byUser
      ? '--userns auto: only root has ids to give to each box'
      : 'a user namespace: its files cannot be mapped: the calls for it (mount_setattr, Linux 5.12) are refused here',
  );
  expect(status).toBe(125);
});

test.each([
  ['-v D/data:/v:rslave busybox', 'slave and shared'],
  ['-v /dev:/v busybox', 'mounts lie in it, to which nosuid, nodev or ro cannot be given'],
  ['--rootfs /', 'mounts lie in it, to which nodev cannot be given'],
])('by paths %s is refused: %s', (flags, message) => {
  const { status, stderr } = run(byPaths, flags, 'true');
  expect(stderr).toContain(message);
  expect(stderr).toContain('(mount_setattr, Linux 5.12) are refused here');
  expect(stderr).toContain('tsbox: a seccomp filter around tsbox refuses mount_setattr(2)');
  expect(status).toBe(125);
});

test('by paths a place in the box is named by a number: too few open files are explained', () => {
  const by = under('sh', '-c', 'ulimit -n 500; exec "$0" "$@"', ...refusing('ENOSYS'));
  const { status, stderr } = run(by, 'busybox', 'true');
  expect(stderr).toMatch(/^tsbox: dup3 failed: EBADF[\s\S]*allow more open files/);
  expect(status).toBe(125);
});

test('what the kernel says of a file system that it refuses is told', () => {
  const flags = `${auto}--tmpfs /t:uid=99999 busybox`;
  const { status, stderr } = run(byDescriptors, flags, 'true');
  expect(stderr).toMatch(/^tsbox: fsconfig failed: EINVAL.*\n {2}the kernel says: tmpfs: .*uid/);
  expect(status).toBe(125);
});

const tsboxInShell = [...starter.become, program].map((word) => `'${word}'`).join(' ');

/** In a mount namespace of its own, in which D/other is a shared mount. */
function withSharedMount(script: string): Result {
  const lines = [
    'set -e',
    starter.cover,
    `cd ${scratch}/other`,
    `mount -t tmpfs -o uid=${starter.user} tsbox-test .`,
    // The new mount covers the working directory: it is named by its path.
    `mount --make-shared ${scratch}/other`,
    script,
  ].join('\n');
  return tsbox(['-m', 'sh', '-c', lines], '', process.env, ['unshare']);
}

describe('mounts below a volume', () => {
  const nested = (flags: string, script: string) =>
    withSharedMount(
      `mkdir ${scratch}/other/sub; mount -t tmpfs tsbox-test ${scratch}/other/sub; touch ${scratch}/other/sub/below; mkdir ${scratch}/other/sub/in
      ${tsboxInShell} run --network=none --userns=host ${own(flags).join(' ')} busybox -- sh -c '${script}'`,
    );

  test.each([
    ['ro', './below\n', 'ro,nosuid,nodev,relatime'],
    ['rw -v D/data:/v/sub/in', './below\n./in/file\n', 'rw,nosuid,nodev,relatime'],
    ['bind', '', undefined],
  ])('with %s', (options, seen, attributes) => {
    const script = 'cd /v/sub; find . -type f | sort; grep " /v/sub " /proc/self/mountinfo';
    const { stdout } = nested(`-v D/other:/v:${options}`, script);
    expect(stdout.startsWith(seen)).toBe(true);
    expect(/ \/v\/sub (\S+)/.exec(stdout)?.[1]).toBe(attributes);
  });
});

describe('propagation', () => {
  /** The box waits for a mount of the host's that is made once it runs. */
  const later = (options: string) =>
    withSharedMount(
      `mkdir ${scratch}/other/sub
      ${tsboxInShell} run --network=none --userns=host -v ${scratch}/other:/v${options} busybox -- sh -c 'touch /v/ready; until [ -e /v/mounted ]; do sleep 0.02; done; ls /v/sub' &
      until [ -e ${scratch}/other/ready ]; do kill -0 $! 2>/dev/null || break; sleep 0.02; done
      mount -t tmpfs tsbox-test ${scratch}/other/sub; touch ${scratch}/other/sub/came; touch ${scratch}/other/mounted
      wait $!`,
    );

  const refusedShared = {
    status: 125,
    stdout: '',
    stderr: expect.stringMatching(/reaches the host; use slave(, or --userns=host)?\n$/),
  };

  test.each([
    ['', ''],
    [':rprivate', ''],
    [':private', ''],
    [':slave', 'came\n'],
    [':rslave', 'came\n'],
    [':rshared', 'came\n'],
  ])('-v SRC:DST%s: the box sees of a later mount %j', (options, seen) => {
    if (byUser && options === ':rshared') expect(later(options)).toMatchObject(refusedShared);
    else expect(later(options)).toEqual({ status: 0, stdout: seen, stderr: '' });
  });

  test.each([
    [':shared', / \/v \S+ shared:\d+ - /],
    [':rslave', / \/v \S+ master:\d+ - /],
    [':private', / \/v \S+ - /],
    [':unbindable', / \/v \S+ unbindable - /],
  ])('-v SRC:DST%s is %s', (options, pattern) => {
    const result = withSharedMount(
      `exec ${tsboxInShell} run --network=none --userns=host -v ${scratch}/other:/v${options} busybox -- grep " /v " /proc/self/mountinfo`,
    );
    if (byUser && options === ':shared') expect(result).toMatchObject(refusedShared);
    else expect(result.stdout).toMatch(pattern);
  });

  test('of a mount that is not shared is refused, and how to share it told', () => {
    const { status, stderr } = tsbox(
      [
        '-m',
        'sh',
        '-c',
        `exec ${tsboxInShell} run --network=none --userns=host -v ${scratch}/data:/v:slave busybox -- true`,
      ],
      '',
      process.env,
      ['unshare'],
    );
    expect(stderr).toMatch(/is not a shared mount.*mount --make-shared \//);
    expect(status).toBe(125);
  });

  test('shared is refused in a user namespace', () => {
    const result = withSharedMount(
      `exec ${tsboxInShell} run --network=none ${auto}-v ${scratch}/other:/v:shared busybox -- true`,
    );
    expect(result).toMatchObject(refusedShared);
    expect(result.stderr.includes('--userns=host')).toBe(!byUser);
  });

  test('what a box mounts for itself does not reach the host, wherever the image lies', () => {
    for (const flags of new Set(['', auto])) {
      const { stdout, status, stderr } = withSharedMount(
        `cp -a ${scratch}/image/. ${scratch}/other
        ${tsboxInShell} run --network=none ${flags}--writable --rootfs ${scratch}/other -- true
        grep -c "${scratch}/other" /proc/self/mountinfo`,
      );
      expect({ flags, stdout, status, stderr }).toEqual({
        flags,
        stdout: '1\n',
        status: 0,
        stderr: '',
      });
    }
  });
});

const idmapOfUsers = () => {
  test('it is refused to users', () => {
    const { status, stderr } = run(byDescriptors, '-v D/data:/v:idmap busybox', 'true');
    expect(stderr).toContain(
      'idmap: only root of the host can map the owners of files: leave it out',
    );
    expect(status).toBe(125);
  });

  test('without it the caller’s files belong to root of the box anyway', () => {
    const { stdout } = run(byDescriptors, '-v D/data:/v busybox', 'stat -c %u /v; touch /v/made');
    expect(stdout).toBe('0\n');
    expect(statSync(join(scratch, 'data/made')).uid).toBe(starter.user);
  });
};

const idmapOfRoot = () => {
  test('files of a volume belong to the box’s ids, and stay the host’s', () => {
    const flags = '--userns=auto -v D/data:/v:idmap -v D/data/file:/f:idmap,ro busybox';
    const { stdout, stderr } = run(
      byDescriptors,
      flags,
      'stat -c %u /v /v/file /f; touch /v/made; chown 7 /v/made; echo no > /f',
    );
    expect(stdout).toBe('0\n0\n0\n');
    expect(stderr).toContain('Read-only file system');
    expect(statSync(join(scratch, 'data/made')).uid).toBe(7);
  });

  test('without it they belong to nobody', () => {
    const flags = '--userns=auto -v D/data:/v busybox';
    const { stdout } = run(byDescriptors, flags, 'stat -c %u /v; touch /v/not');
    expect(stdout).toBe('65534\n');
    expect(readdirSync(join(scratch, 'data'))).not.toContain('not');
  });

  test('it needs a user namespace', () => {
    const { status, stderr } = run(byDescriptors, '-v D/data:/v:idmap busybox', 'true');
    expect(stderr).toContain('idmap: without a user namespace');
    expect(status).toBe(125);
  });
};

describe('idmap', byUser ? idmapOfUsers : idmapOfRoot);

/** What a box of root's gets of whose network nothing is said, on a host that the test made itself. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { OUTSIDE, OwnHost } from './own-host.ts';
import { program, starter } from './tsbox.ts';

let host: OwnHost;
let before: string;
const scratch = mkdtempSync(join(tmpdir(), 'network-default-'));
beforeAll(async () => {
  host = await OwnHost.make();
  // The first run makes directories that stay.
  host.box('true');
  before = host.traces();
});
afterAll(() => {
  host.end();
  rmSync(scratch, { recursive: true });
});
afterEach(() => host.tidy());

const interfaces = 'ls /sys/class/net; ip route | head -n 1';

test.each(['', '--network=private', '--network=bridge'])('the bridge: %j', (flag) => {
  const { stdout, stderr } = host.box(
    `${interfaces}; ping -c 1 -W 3 ${OUTSIDE} >/dev/null && echo out`,
    ...(flag === '' ? [] : [flag]),
  );
  expect({ stdout, stderr }).toEqual({
    stdout: 'eth0\nlo\ndefault via 10.90.0.1 dev eth0 \nout\n',
    stderr: '',
  });
  expect(host.traces()).toBe(before);
});

test('ports may be published without a word of it', () => {
  const { stdout, stderr } = host.box(interfaces, '-p', '8080:80', '--dns=192.0.2.1');
  expect({ stdout, stderr }).toMatchObject({ stdout: expect.stringContaining('eth0'), stderr: '' });
});

test('a box that shares the processes of another has it, too', async () => {
  const first = await host.start(
    'busybox',
    '--',
    'sh',
    '-c',
    'grep -o "[0-9a-f]\\{12\\}$" /etc/hosts; cat',
  );
  const { stdout, stderr } = host.box(interfaces, `--pid=container:${first.said().trim()}`);
  expect({ stdout, stderr }).toMatchObject({ stdout: expect.stringContaining('eth0'), stderr: '' });
  await first.end();
  expect(host.traces()).toBe(before);
});

test('explain shows it', () => {
  const { stdout } = host.tsbox('explain', 'busybox', '--', 'true');
  expect(stdout).toContain('RTM_NEWLINK');
  expect(host.tsbox('explain', '--network=none', 'busybox', '--', 'true').stdout).not.toContain(
    'RTM_NEWLINK',
  );
  expect(host.traces()).toBe(before);
});

/** What keeps a host from having a bridge, and what is said of it. */
const lacks: Readonly<Record<string, readonly [string, RegExp]>> = {
  'kernel parameters cannot be set': [
    'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys',
    /write failed: EROFS/,
  ],
  'there is no right to': ['true', /netlink failed: .*EPERM/],
};

describe.each(Object.entries(lacks))('where %s', (name, [make, why]) => {
  const become = name === 'there is no right to' ? 'setpriv --bounding-set=-net_admin' : '';
  const run = (words: readonly string[]) => {
    const script = `${make} && exec ${become} "$0" "$@"`;
    return host.result('unshare', '-m', 'sh', '-c', script, program, ...words);
  };
  // Where /proc/sys is another mount, a user namespace is given no /proc of its own.
  const ids = name === 'kernel parameters cannot be set' ? ['--userns=host'] : [];
  const rest = [...ids, 'busybox', '--', 'sh', '-c', 'ls /sys/class/net; cat /etc/hosts'];

  test('the box has its loopback interface alone, and a line says why', () => {
    const { stdout, stderr, status } = run(['run', '--add-host=db:192.0.2.7', ...rest]);
    expect(stderr).toMatch(/^tsbox: the box has its loopback interface alone: [^\n]*\n$/);
    expect(stderr).toMatch(why);
    expect(stdout).toMatch(/^lo\n[\s\S]*^192\.0\.2\.7\tdb$/m);
    expect(status).toBe(0);
    expect(host.traces()).toBe(before);
  });

  test.each([['--network=bridge'], ['-p', '8080:80']])(
    'what is asked for is refused: %s',
    (...flags) => {
      const { stdout, stderr, status } = run(['run', ...flags, ...rest]);
      expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
      expect(stderr).toMatch(why);
      expect(host.traces()).toBe(before);
    },
  );

  test('nothing is said to who asks for none', () => {
    expect(run(['run', '--network=none', ...rest])).toMatchObject({ stderr: '', status: 0 });
  });
});

describe('/etc/resolv.conf of the image', () => {
  const image = (change: (etc: string) => void): string => {
    const rootfs = mkdtempSync(join(scratch, 'image-'));
    cpSync(starter.image, rootfs, { recursive: true, verbatimSymlinks: true });
    change(join(rootfs, 'etc'));
    return rootfs;
  };
  const show = ['--', 'sh', '-c', 'mount | grep -c " /etc/resolv.conf "; cat /etc/hosts'];
  const named = /^1\n127\.0\.0\.1\tlocalhost\n[\s\S]*host\.containers\.internal /m;

  test.each([
    ['is a link that leads nowhere', '../run/none/stub.conf', '--network=bridge'],
    ['is a link into another mount', '/proc/cpuinfo', '--network=bridge'],
    ['is a link into a tmpfs', '../run/stub.conf', '--read-only'],
  ])('%s', (_, target, flag) => {
    const rootfs = image((etc) => {
      rmSync(join(etc, 'resolv.conf'), { force: true });
      symlinkSync(target, join(etc, 'resolv.conf'));
    });
    const { stdout, stderr } = host.tsbox('run', flag, '--rootfs', rootfs, ...show);
    expect(stderr).toBe('');
    expect(stdout).toMatch(named);
  });

  test('a link of an image that is written to stays', () => {
    const rootfs = image((etc) => {
      rmSync(join(etc, 'resolv.conf'), { force: true });
      symlinkSync('none', join(etc, 'resolv.conf'));
    });
    const { stderr, status } = host.tsbox('run', '--writable', '--rootfs', rootfs, ...show);
    expect(status).toBe(125);
    expect(stderr).toContain('/etc/resolv.conf');
    unlinkSync(join(rootfs, 'etc/resolv.conf'));
  });

  test('a volume in its place is what the box has', () => {
    const own = join(scratch, 'own');
    writeFileSync(own, 'nameserver 192.0.2.9\n', { mode: 0o644 });
    const volumes = ['-v', `${own}:/etc/resolv.conf:ro`, '-v', `${own}:/etc/hosts`];
    const { stdout, stderr } = host.box('cat /etc/resolv.conf /etc/hosts', ...volumes);
    expect({ stdout, stderr }).toEqual({ stdout: 'nameserver 192.0.2.9\n'.repeat(2), stderr: '' });
  });

  test('a read-only volume around it keeps what it has', () => {
    const own = join(scratch, 'etc');
    mkdirSync(own);
    writeFileSync(join(own, 'hosts'), '');
    const { stdout, stderr } = host.box('ls /etc; cat /etc/hosts', '-v', `${own}:/etc:ro`);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^hosts\n127\.0\.0\.1\tlocalhost\n/);
  });
});

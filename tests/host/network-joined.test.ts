/** Boxes in a network namespace that is there: another box's, or one that others made. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, OwnHost } from './own-host.ts';

let host: OwnHost;
let before: string;
beforeAll(async () => {
  host = await OwnHost.make();
  host.tsbox('run', '--network', 'bridge', 'busybox', '--', 'true');
  host.shell('touch /run/tsbox/blue; unshare --net=/run/tsbox/blue ip link add eth9 type bridge');
  before = host.traces();
});
afterAll(() => host.end());
afterEach(() => host.tidy());

const idOf = (said: string) => /\bid=([0-9a-f]{12})\b/.exec(said)?.[1] ?? '';
const SAY_ID =
  'echo id=$(sed -n "s/.* //; /^[0-9a-f]\\{12\\}$/p" /etc/hosts | head -n 1); nc -ll -p 80 -e echo hello & cat';

describe.each(['--userns=auto', '--userns=host'])('container:ID, with %s', (userns) => {
  const first = (...flags: string[]) =>
    host.start(userns, ...flags, 'busybox', '--', 'sh', '-c', SAY_ID);

  test('has the interfaces, the addresses and the names of the other', async () => {
    const other = await first('--network=bridge', '--hostname=other', '--add-host=db:192.0.2.7');
    const id = idOf(other.said());
    const { stdout, stderr, status } = host.box(
      `ls /sys/class/net; hostname; ${ask('127.0.0.1', 80)}; ${ask('other', 80)}; cat /etc/hosts; echo x >>/etc/hosts || echo ro`,
      userns,
      `--network=container:${id}`,
      '--hostname=second',
    );
    expect({ stderr: stderr.replace(/^sh: .*\n/, ''), status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^eth0\nlo\nsecond\nhello\nhello\n/);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(stdout).toMatch(/ro\n$/);
    await other.end();
    expect(host.traces()).toBe(before);
  });

  test('hears of neighbours, and goes on when the other has ended', async () => {
    const other = await first('--network=bridge', '--hostname=other');
    const beside = await host.start(
      userns,
      `--network=container:${idOf(other.said())}`,
      'busybox',
      '--',
      'sh',
      '-c',
      'echo ready; while read line; do cat /etc/hosts; ls /sys/class/net; echo done; done',
    );
    const third = await host.idle('--network=bridge', '--hostname=third');
    beside.write('\n');
    await expect.poll(beside.said).toMatch(/\tthird [\s\S]*done\n$/);
    await third.end();
    await other.end();
    beside.write('\n');
    await expect.poll(beside.said).toMatch(/done\n[\s\S]*\tother [\s\S]*\nlo\ndone\n$/);
    await beside.end();
    expect(host.traces()).toBe(before);
  });

  test('a box whose tsbox is killed leaves nothing', async () => {
    const other = await first('--network=bridge');
    const beside = await host.idle(userns, `--network=container:${idOf(other.said())}`);
    await beside.kill();
    await other.kill();
    host.box('true');
    expect(host.traces()).toBe(before);
  });

  test('explain shows that it is entered', async () => {
    const other = await first('--network=bridge');
    const words = [userns, `--network=container:${idOf(other.said())}`, 'busybox', '--', 'true'];
    const { stdout, status } = host.tsbox('explain', ...words);
    expect(status).toBe(0);
    expect(stdout).toMatch(/setns\(openat\(AT_FDCWD, "\/proc\/self\/fd\/\d+".*CLONE_NEWNET\)/);
    expect(stdout).not.toMatch(/clone3\(\{flags=[^}]*CLONE_NEWNET/);
    await other.end();
  });
});

describe.each(['--userns=auto', '--userns=host'])('ns:PATH, with %s', (userns) => {
  test('has the interfaces that are there', () => {
    const { stdout, stderr, status } = host.box(
      'ls /sys/class/net; cat /etc/hosts',
      userns,
      '--network=ns:/run/tsbox/blue',
      '--add-host=db:192.0.2.7',
      '--dns=192.0.2.53',
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^eth9\nlo\n/);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(host.traces()).toBe(before);
  });

  test.each([
    ['/run/tsbox/green', /no such file or directory/],
    ['/proc/self/ns/pid', /no namespace of that type \(CLONE_NEWNET\)/],
    ['/etc/passwd', /no namespace of that type/],
  ])('%s is refused', (path, message) => {
    expect(host.box('true', userns, `--network=ns:${path}`)).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(message),
    });
    expect(host.traces()).toBe(before);
  });
});

describe('what cannot be had', () => {
  test('a box that is not there', () => {
    expect(host.box('true', '--network=container:0123456789ab')).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(
        /^tsbox: --network container:0123456789ab: no such box is running/,
      ),
    });
  });

  test('ports, names and kernel parameters of a network that is the other’s', async () => {
    const other = await host.start('--network=bridge', 'busybox', '--', 'sh', '-c', SAY_ID);
    const id = idOf(other.said());
    const words = ['-p', '8080:80', '--dns=192.0.2.1', '--add-host=a:192.0.2.1'];
    const { status, stderr } = host.box(
      'true',
      `--network=container:${id}`,
      '--sysctl=net.ipv4.ip_forward=1',
      ...words,
    );
    expect(status).toBe(125);
    expect(stderr).toMatch(/--publish 8080:80: the ports are those of box/);
    expect(stderr).toMatch(/--dns, .*--add-host: the box has the names of box/);
    expect(stderr).toMatch(/--sysctl net\.ipv4\.ip_forward=1: it belongs to the network namespace/);
    await other.end();
  });

  test('kernel parameters of the host’s network', () => {
    expect(host.box('true', '--network=host', '--sysctl=net.ipv4.ip_forward=1').stderr).toMatch(
      /it would change all who share it/,
    );
  });
});

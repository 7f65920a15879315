/** Networks of micro-VMs of a user without root, which passt and pasta lead out of a host of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { becomeOrdinaryUser, giveToUser } from '../host/ordinary-user.ts';
import { HOST_ADDRESS, OUTSIDE, type OwnHost } from '../host/own-host.ts';
import {
  askHalf as ask,
  datagrams,
  exchange,
  HOST_ADDRESS_6,
  OUTSIDE_6,
  onPastaHost,
  pidOf,
  running,
} from '../host/pasta-host.ts';
import { compile } from '../host/programs.ts';

becomeOrdinaryUser('one');

const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
const withDatagrams = `--volume=${scratch}:/d:ro`;
copyFileSync(datagrams, join(scratch, 'datagrams'));
giveToUser(scratch);
afterAll(() => rmSync(scratch, { recursive: true }));

let host: OwnHost;
onPastaHost((made) => {
  host = made;
  // The first run makes directories that stay, and finds out about KVM.
  host.box('true', '--vm', '--network=none');
});

const servers = () => [...running('pasta'), ...running('passt')];

/** The host of the tests may have no KVM. */
const withoutWarning = (said: string) => said.replace(/^tsbox: KVM is not used .*\n/m, '');

function pasta(script: string, ...flags: string[]) {
  const result = host.box(script, '--vm', '--network=pasta', ...flags);
  return { ...result, stderr: withoutWarning(result.stderr) };
}

const machine = (script: string, ...flags: string[]) =>
  host.start('--vm', '--network=pasta', ...flags, 'busybox', '--', 'sh', '-c', script);

const idle = (...flags: string[]) => machine('echo ready; cat', ...flags);

const LISTENS = 'until netstat -ltn | grep -q ":80 "; do sleep 0.05; done; echo ready; cat';

const server = (...flags: string[]) =>
  machine(`nc -ll -p 80 -e echo served & ${LISTENS}`, ...flags);

describe('the way out', () => {
  test('by IPv4, IPv6 and name', () => {
    const { stdout, stderr, status } = pasta(
      `ls /sys/class/net; ${exchange(OUTSIDE)}; ${exchange(OUTSIDE_6)}; ${exchange('outside.example')}; ls /d`,
      `--dns=${OUTSIDE}`,
      withDatagrams,
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toBe('eth0\nlo\nunharmed\nunharmed\nunharmed\ndatagrams\n');
  });

  test('no route leads where the host has none', () => {
    host.shell(`ip -6 route del default`);
    const { stdout } = pasta(`ip -6 route; ip -6 address show eth0; ${exchange(OUTSIDE)}`);
    host.shell(`ip -6 route add default via ${OUTSIDE_6}`);
    expect(stdout).not.toMatch(/default|fd74/);
    expect(stdout).toMatch(/unharmed\n$/);
  });

  test('names are those of the host, of --dns and --add-host', () => {
    const { stdout } = pasta(
      'cat /etc/hosts /etc/resolv.conf',
      ...['--dns=192.0.2.53', '--dns-search=example.org', '--add-host=db:192.0.2.7'],
      '--hostname=mine',
    );
    expect(stdout).toMatch(/^127\.0\.0\.1\tlocalhost mine [0-9a-f]{12}$/m);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(stdout).toMatch(/^search example\.org\nnameserver 192\.0\.2\.53$/m);
  });
});

describe('ports', () => {
  const receive = `mkfifo /tmp/o; nc -l -p 80 <>/tmp/o | sha256sum & ${LISTENS}`;
  const send = (address: string, port: number) =>
    `f=$(mktemp); head -c 3000000 /dev/urandom >$f; sha256sum <$f; busybox nc -w 5 ${address} ${port} <$f; rm $f`;

  test.each([HOST_ADDRESS, HOST_ADDRESS_6])('lead to it, by TCP: %s', async (address) => {
    const box = await machine(receive, '-p', '8080:80');
    const [hash = 'none'] = host.outside(send(address, 8080)).split(' ');
    await expect.poll(box.said, { timeout: 20_000 }).toContain(hash);
    await box.end();
  });

  test.each([HOST_ADDRESS, HOST_ADDRESS_6])('and by UDP: %s', async (address) => {
    const any = address === HOST_ADDRESS ? '0.0.0.0' : '::';
    const answer = `/d/datagrams answer ${any} 53 & cat`;
    const box = await machine(answer, '-p', '7000:70', '-p', '5353:53/udp', withDatagrams);
    expect(host.outside(`${datagrams} ask ${address} 5353 hello`)).toBe('hello\n');
    await box.end();
  });

  test('of one address of the host, its loopback address, and no other', async () => {
    const box = await server('-p', '127.0.0.1:8080:80');
    // passt up to 2023 lets the guest hear of a connection only with the first bytes of it.
    const greet = `rm -f /tmp/open; mkfifo /tmp/open; exec 3<>/tmp/open; echo hello >&3; busybox nc -w 3 127.0.0.1 8080 <&3; rm /tmp/open`;
    expect(host.shell(greet)).toBe('served\n');
    expect(host.outside(ask(HOST_ADDRESS, 8080))).toBe('nobody\n');
    await box.end();
  });

  test('nobody reaches one that is not published', async () => {
    const box = await server('-p', '8080:81');
    for (const port of [80, 1024]) {
      expect(host.outside(ask(HOST_ADDRESS, port))).toBe('nobody\n');
      expect(host.shell(ask('127.0.0.1', port))).toBe('nobody\n');
    }
    await box.end();
  });

  test('that another has is refused', async () => {
    const box = await server('-p', '8080:80');
    const { stderr, status } = pasta('true', '-p', '8080:80');
    expect(stderr).toMatch(/^tsbox: --publish 8080:80\/tcp: another program, .* choose another\n$/);
    expect(status).toBe(125);
    await box.end();
  });
});

describe("the host's loopback interface", () => {
  test('is not reachable, by whatever address', async () => {
    const [command = '', ...by] = host.by;
    const serve = 'busybox nc -ll -p 9000 -e echo secret';
    const server = spawn(command, [...by, 'sh', '-c', `exec ${serve}`], { stdio: 'ignore' });
    await expect.poll(() => host.shell(ask('127.0.0.1', 9000))).toBe('secret\n');
    const addresses = ['127.0.0.1', HOST_ADDRESS, OUTSIDE, '192.0.0.1', '192.0.0.2', '0.0.0.0'];
    const { stdout } = pasta(addresses.map((address) => ask(address, 9000)).join('; '));
    server.kill('SIGKILL');
    await once(server, 'close');
    expect(stdout).toBe('nobody\n'.repeat(addresses.length));
    host.shell('rm -f /tmp/open');
  });

  test('not by a frame that the guest makes itself, which it can send elsewhere', async () => {
    const heard = [host.by, host.beyond].map(([command = '', ...by], index) => {
      const address = index === 0 ? '127.0.0.1' : OUTSIDE;
      const child = spawn(command, [...by, datagrams, 'answer', address, '9001']);
      const heard = { child, text: '' };
      child.stdout.on('data', (chunk: Buffer) => {
        heard.text += chunk;
      });
      return heard;
    });
    const texts = () => heard.map(({ text }) => text);
    await expect.poll(texts).toEqual(['ready\n', 'ready\n']);
    const forge = (address: string) => `/d/datagrams forge ${address} 9001 forged`;
    const { stdout } = pasta(
      `${forge('127.0.0.1')}; ${forge('127.1.2.3')}; ${forge('0.0.0.0')}; ${forge(OUTSIDE)}; sleep 1`,
      ...['--cap-add=NET_RAW', withDatagrams],
    );
    expect(stdout).toBe('sent\n'.repeat(4));
    await expect.poll(texts).toEqual(['ready\n', 'ready\nforged\n']);
    for (const { child } of heard) child.kill('SIGKILL');
    await Promise.all(heard.map(({ child }) => once(child, 'close')));
  });
});

describe('what a user gets who asks for nothing', () => {
  test('is pasta', () => {
    const { stdout, stderr } = host.box('ls /sys/class/net', '--vm');
    expect(withoutWarning(stderr)).toBe('');
    expect(stdout).toBe('eth0\nlo\n');
  });

  test('and explain shows it', () => {
    const { stdout, status } = host.tsbox('explain', '--vm', 'busybox', '--', 'true');
    expect(status).toBe(0);
    for (const part of [
      'stream,id=network,server=off,addr.type=fd,addr.str=',
      'TUNATTACHFILTER',
      'IFA_LOCAL=192.0.0.2',
    ])
      expect(stdout).toContain(part);
    expect(stdout).toMatch(/^execve\("\/usr\/bin\/passt", .*"--no-map-gw"/m);
    expect(stdout).toMatch(/^execve\("\/usr\/bin\/pasta", .*"--no-map-gw"/m);
  });

  test('a bridge is refused, with what there is instead', () => {
    const { stderr, status } = host.box('true', '--vm', '--network=bridge');
    expect(stderr).toMatch(/^tsbox: --network: the kernel lets nobody but root .*pasta.*\n$/);
    expect(status).toBe(125);
  });
});

/** Another program in the place of both. */
function instead(behaviour: 'fails' | 'hangs'): string {
  const other = compile('not-pasta', '-static', ...(behaviour === 'hangs' ? ['-DHANGS'] : []));
  return `for f in /usr/bin/passt* /usr/bin/pasta*; do mount --bind ${other} "$(readlink -f $f)"; done`;
}

/** Starts tsbox where something lies over the host's files. */
const where = (make: string, ...words: readonly string[]) =>
  host.resultAs(['unshare', '-m', 'sh', '-c', `${make} && exec "$0" "$@"`], ...words);

describe.each<[string, string, RegExp]>([
  [
    'passt is missing',
    [
      'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w',
      'mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/u,workdir=/mnt/w o /usr/bin',
      'mv /usr/bin/passt /usr/bin/pasta',
    ].join(' && '),
    /passt was not found in .*: apt-get install passt/,
  ],
  [
    '/dev/net/tun is closed',
    'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 600 /dev/net/tun c 10 200',
    /pasta may not open \/dev\/net\/tun, .*EACCES.*: as root: modprobe tun && chmod 666/,
  ],
  ['both fail', instead('fails'), /pasta ended: exit status 3: Sorry, no/],
])('where %s', (_, make, why) => {
  const rest = ['--vm', 'busybox', '--', 'ls', '/sys/class/net'];

  test('the box has its loopback interface alone, and a line says why', () => {
    const { stdout, stderr, status } = where(make, 'run', ...rest);
    expect({ stdout, status }).toEqual({ stdout: 'lo\n', status: 0 });
    const said = withoutWarning(stderr);
    expect(said).toMatch(/^tsbox: the box has its loopback interface alone: [^\n]*\n$/);
    expect(said).toMatch(why);
  });

  test('what is asked for is refused', () => {
    const { stdout, stderr, status } = where(make, 'run', '--network=pasta', ...rest);
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
    expect(stderr).toMatch(/^tsbox: [^\n]*\n( {2}[a-z ]+: [^\n]*\n)*$/);
    expect(stderr).toMatch(why);
  });
});

test('explain says why there is none', () => {
  const { stdout } = where(
    'mount -t tmpfs none /dev/net',
    ...['explain', '--vm', 'busybox', '--', 'true'],
  );
  expect(stdout).toMatch(/^# the box has its loopback interface alone: pasta may not open .*\n\n/);
  expect(stdout).not.toContain('-netdev');
});

describe('passt and pasta', () => {
  test('end with a tsbox that is killed', async () => {
    const box = await idle('-p', '8080:80');
    expect(servers()).toEqual([pidOf('pasta'), pidOf('passt')]);
    await box.kill();
    await expect.poll(servers).toEqual([]);
    expect(withoutWarning(host.box('true', '--network=none').stderr)).toBe('');
  });

  test.each(['pasta', 'passt'] as const)(
    '%s that ends too soon leaves the box without a network, and is told of',
    async (name) => {
      const box = await idle();
      process.kill(pidOf(name), 'SIGKILL');
      await expect.poll(() => running(name)).toEqual([]);
      await box.end();
      expect(withoutWarning(box.complained())).toBe(
        `tsbox: ${name} ended: signal 9: from then on the box had no network\n`,
      );
    },
  );

  test('that do not answer are given up with tsbox', async () => {
    const hanging = instead('hangs');
    const [command = '', ...words] = host.commandAs(
      ['unshare', '-m', 'sh', '-c', `${hanging} && exec "$0" "$@"`],
      ...['run', '--vm', '--network=pasta', 'busybox', '--', 'true'],
    );
    const child = spawn(command, words, { stdio: 'ignore' });
    const ended = once(child, 'close');
    await expect.poll(() => running('pasta')).toHaveLength(1);
    child.kill('SIGTERM');
    await ended;
    await expect.poll(servers).toEqual([]);
  });

  test('passt has a jail, an empty one, and no capability', async () => {
    const box = await idle();
    const pid = pidOf('passt');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^CapEff:\t0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(readdirSync(`/proc/${pid}/root`)).toEqual([]);
    await box.end();
  });
});

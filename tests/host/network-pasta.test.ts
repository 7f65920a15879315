/** Networks of a user without root, which pasta leads out of a host that the test made itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { becomeOrdinaryUser } from './ordinary-user.ts';
import { HOST_ADDRESS, OUTSIDE, type OwnHost } from './own-host.ts';
import {
  askHalf as ask,
  datagrams,
  exchange,
  HOST_ADDRESS_6,
  OUTSIDE_6,
  onPastaHost,
  pidOf,
  running,
} from './pasta-host.ts';
import { compile } from './programs.ts';
import { starter } from './tsbox.ts';

if (starter.ids === 'all') becomeOrdinaryUser('one');

const withDatagrams = `--volume=${datagrams}:/bin/datagrams:ro`;
const pastas = () => running('pasta');
const pastaPid = () => pidOf('pasta');

let host: OwnHost;
onPastaHost((made) => {
  host = made;
  // The first run makes directories that stay.
  host.box('true');
});

const pasta = (script: string, ...flags: string[]) =>
  host.box(script, '--network=pasta', withDatagrams, ...flags);

describe('the way out', () => {
  test('by IPv4, IPv6 and name', () => {
    const { stdout, stderr, status } = pasta(
      `ls /sys/class/net; ip -o -4 address show eth0; ip route; ${exchange(OUTSIDE)}; ${exchange(OUTSIDE_6)}; ${exchange('outside.example')}`,
      `--dns=${OUTSIDE}`,
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^eth0\nlo\n/);
    expect(stdout).toContain(`inet ${HOST_ADDRESS}/24`);
    expect(stdout).toContain(`default via ${OUTSIDE} dev eth0`);
    expect(stdout).toMatch(/(unharmed\n){3}$/);
  });

  test('names are those of the host, of --dns and --add-host, and no resolver at a loopback address', () => {
    const { stdout } = pasta(
      'cat /etc/hosts /etc/resolv.conf',
      '--dns=192.0.2.53',
      '--dns-search=example.org',
      '--add-host=db:192.0.2.7',
      '--hostname=mine',
    );
    expect(stdout).toMatch(/^127\.0\.0\.1\tlocalhost mine [0-9a-f]{12}$/m);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(stdout).toMatch(/^search example\.org\nnameserver 192\.0\.2\.53$/m);
    host.shell('printf "nameserver 127.0.0.53\\nnameserver 192.0.2.54\\n" >/run/tsbox/resolv.conf');
    host.shell('mount --bind /run/tsbox/resolv.conf /etc/resolv.conf');
    expect(pasta('cat /etc/resolv.conf').stdout).toBe('nameserver 192.0.2.54\n');
    host.shell('umount /etc/resolv.conf; rm /run/tsbox/resolv.conf');
  });

  const flags = ['--userns=keep-id', '--read-only', '--cap-drop=all', '--init', '--ipc=host'];
  test.each(starter.ids === 'one' ? flags : [...flags, '--user=7:7'])('with %s', (flag) => {
    const { stdout, stderr } = pasta(exchange(OUTSIDE), flag, '--tmpfs=/tmp:mode=1777');
    expect({ stdout, stderr }).toEqual({ stdout: 'unharmed\n', stderr: '' });
  });
});

describe('ports', () => {
  const receive = 'mkfifo /tmp/o; nc -l -p 80 <>/tmp/o | sha256sum; echo received; cat';
  const send = (address: string, port: number) =>
    `f=$(mktemp); head -c 3000000 /dev/urandom >$f; sha256sum <$f; busybox nc -w 5 ${address} ${port} <$f; rm $f`;
  const listening = (port: number) =>
    `(until netstat -ltn | grep -q ":${port} "; do sleep 0.05; done; echo ready) & `;

  test.each([HOST_ADDRESS, HOST_ADDRESS_6])(
    'a published one leads to the box, by TCP: %s',
    async (address) => {
      const box = await host.start(
        ...['--network=pasta', '-p', '8080:80', 'busybox', '--', 'sh', '-c'],
        `${listening(80)}${receive}`,
      );
      const [hash = 'none'] = host.outside(send(address, 8080)).split(' ');
      await expect.poll(box.said).toContain('received');
      expect(box.said()).toContain(hash);
      await box.end();
    },
  );

  test.each([HOST_ADDRESS, HOST_ADDRESS_6])('and by UDP: %s', async (address) => {
    const any = address === HOST_ADDRESS ? '0.0.0.0' : '::';
    const box = await host.start(
      ...['--network=pasta', '-p', '5353:53/udp', withDatagrams, 'busybox'],
      ...['--', 'sh', '-c', `datagrams answer ${any} 53 & cat`],
    );
    expect(host.outside(`${datagrams} ask ${address} 5353 hello`)).toBe('hello\n');
    await box.end();
  });

  test('of one address of the host, and no other', async () => {
    const box = await host.server(80, 'served', '--network=pasta', '-p', '127.0.0.1:8080:80');
    expect(host.shell(ask('127.0.0.1', 8080))).toBe('served\n');
    expect(host.outside(ask(HOST_ADDRESS, 8080))).toBe('nobody\n');
    await box.end();
  });

  test('nobody reaches one that is not published', async () => {
    const box = await host.server(80, 'served', '--network=pasta', '-p', '8080:81');
    expect(host.outside(ask(HOST_ADDRESS, 80))).toBe('nobody\n');
    expect(host.shell(ask('127.0.0.1', 80))).toBe('nobody\n');
    await box.end();
  });

  test('that another has is refused', async () => {
    const box = await host.server(80, 'served', '--network=pasta', '-p', '8080:80');
    const { stderr, status } = pasta('true', '-p', '8080:80');
    expect(stderr).toMatch(/^tsbox: --publish 8080:80\/tcp: another program, .* choose another\n$/);
    expect(status).toBe(125);
    await box.end();
  });

  test('of root alone is refused', () => {
    const { stderr, status } = pasta('true', '-p', '80:80');
    expect(stderr).toMatch(/^tsbox: --publish 80:80\/tcp: only root may use ports .*\n$/);
    expect(status).toBe(125);
  });
});

describe("the host's loopback interface", () => {
  test('is not reachable, by whatever address', async () => {
    const [command = '', ...by] = host.by;
    const serve = 'busybox nc -ll -p 9000 -e echo secret';
    const server = spawn(command, [...by, 'sh', '-c', `exec ${serve}`], { stdio: 'ignore' });
    await expect.poll(() => host.shell(ask('127.0.0.1', 9000))).toBe('secret\n');
    const addresses = ['127.0.0.1', HOST_ADDRESS, OUTSIDE, '0.0.0.0'];
    const { stdout } = pasta(addresses.map((address) => ask(address, 9000)).join('; '));
    server.kill('SIGKILL');
    await once(server, 'close');
    expect(stdout).toBe('nobody\n'.repeat(addresses.length));
    host.shell('rm -f /tmp/open');
  });

  test('not by a frame that the box makes itself, which it can send elsewhere', async () => {
    const [command = '', ...by] = host.by;
    const script = `${datagrams} answer 127.0.0.1 9001`;
    const server = spawn(command, [...by, 'sh', '-c', `exec ${script}`]);
    let heard = '';
    server.stdout.on('data', (chunk: Buffer) => {
      heard += chunk;
    });
    await expect.poll(() => heard).toBe('ready\n');
    const [outer = '', ...beyond] = host.beyond;
    const other = spawn(outer, [...beyond, datagrams, 'answer', OUTSIDE, '9001']);
    let outside = '';
    other.stdout.on('data', (chunk: Buffer) => {
      outside += chunk;
    });
    await expect.poll(() => outside).toBe('ready\n');
    const forge = (address: string) => `datagrams forge ${address} 9001 forged`;
    const { stdout } = pasta(
      `${forge('127.0.0.1')}; ${forge('127.1.2.3')}; ${forge('0.0.0.0')}; ${forge(OUTSIDE)}; sleep 1`,
      '--cap-add=NET_RAW',
    );
    expect(stdout).toBe('sent\n'.repeat(4));
    await expect.poll(() => outside).toBe('ready\nforged\n');
    server.kill('SIGKILL');
    other.kill('SIGKILL');
    await Promise.all([once(server, 'close'), once(other, 'close')]);
    expect(heard).toBe('ready\n');
  });
});

describe('what a user gets who asks for nothing', () => {
  test.each(['', '--network=private'])('is pasta: %j', (flag) => {
    const { stdout, stderr } = host.box('ls /sys/class/net', ...(flag === '' ? [] : [flag]));
    expect({ stdout, stderr }).toEqual({ stdout: 'eth0\nlo\n', stderr: '' });
  });

  test('and explain shows it', () => {
    const { stdout } = host.tsbox('explain', 'busybox', '--', 'true');
    expect(stdout).toContain('TUNATTACHFILTER');
    expect(stdout).toMatch(/^execve\("\/usr\/bin\/pasta", .*"--no-map-gw"/m);
  });

  test('a bridge is refused, with what there is instead', () => {
    const { stderr, status } = host.box('true', '--network=bridge');
    expect(stderr).toMatch(/^tsbox: --network: the kernel lets nobody but root .*pasta.*\n$/);
    expect(status).toBe(125);
  });
});

/** What keeps a user from having pasta, and what is said of it. */
const lacks: Readonly<Record<string, readonly [string, RegExp]>> = {
  'pasta is missing': [
    [
      'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w',
      'mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/u,workdir=/mnt/w o /usr/bin',
      'rm /usr/bin/pasta',
    ].join(' && '),
    /there is no pasta in .*: install it \(Debian's package passt\)/,
  ],
  '/dev/net/tun is closed': [
    'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 600 /dev/net/tun c 10 200',
    /pasta may not open \/dev\/net\/tun, .*EACCES.*: as root: modprobe tun && chmod 666/,
  ],
  'pasta fails': [instead('fails'), /pasta ended: exit status 3: Sorry, no/],
};

/** Another program in pasta's place. */
function instead(behaviour: 'fails' | 'hangs'): string {
  const other = compile('not-pasta', '-static', ...(behaviour === 'hangs' ? ['-DHANGS'] : []));
  return `mount --bind ${other} "$(readlink -f /usr/bin/pasta)"`;
}

/** Starts tsbox where something lies over the host's files. */
const where = (make: string, ...words: readonly string[]) =>
  host.resultAs(['unshare', '-m', 'sh', '-c', `${make} && exec "$0" "$@"`], ...words);

describe.each(Object.entries(lacks))('where %s', (_, [make, why]) => {
  const rest = ['busybox', '--', 'ls', '/sys/class/net'];

  test('the box has its loopback interface alone, and a line says why', () => {
    const { stdout, stderr, status } = where(make, 'run', ...rest);
    expect({ stdout, status }).toEqual({ stdout: 'lo\n', status: 0 });
    expect(stderr).toMatch(/^tsbox: the box has its loopback interface alone: [^\n]*\n$/);
    expect(stderr).toMatch(why);
  });

  test.each([['--network=pasta'], ['-p', '8080:80'], ['--dns=192.0.2.1']])(
    'what is asked for is refused: %s',
    (...flags) => {
      const { stdout, stderr, status } = where(make, 'run', ...flags, ...rest);
      expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
      expect(stderr).toMatch(/^tsbox: [^\n]*\n( {2}[a-z ]+: [^\n]*\n)*$/);
      expect(stderr).toMatch(why);
    },
  );

  test('nothing is said to who asks for none', () => {
    expect(where(make, 'run', '--network=none', ...rest)).toMatchObject({ stderr: '', status: 0 });
  });
});

describe('pasta', () => {
  test('ends with a tsbox that is killed', async () => {
    const box = await host.idle('--network=pasta', '-p', '8080:80');
    pastaPid();
    await box.kill();
    await expect.poll(pastas).toEqual([]);
    expect(host.box('true', '--network=none').stderr).toBe('');
  });

  test('that ends too soon leaves the box without a network, and is told of', async () => {
    const box = await host.idle('--network=pasta');
    process.kill(pastaPid(), 'SIGKILL');
    await expect.poll(pastas).toEqual([]);
    await box.end();
    expect(box.complained()).toBe(
      'tsbox: pasta ended: signal 9: from then on the box had no network\n',
    );
  });

  const hanging = instead('hangs');
  test('that does not answer is given up with tsbox', async () => {
    const [command = '', ...words] = host.commandAs(
      ['unshare', '-m', 'sh', '-c', `${hanging} && exec "$0" "$@"`],
      ...['run', '--network=pasta', 'busybox', '--', 'true'],
    );
    const child = spawn(command, words, { stdio: 'ignore' });
    const ended = once(child, 'close');
    await expect.poll(pastas).toHaveLength(1);
    child.kill('SIGTERM');
    await ended;
    await expect.poll(pastas).toEqual([]);
  });

  test('has a jail, and two capabilities of the box', async () => {
    const box = await host.idle('--network=pasta');
    const pid = pastaPid();
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^CapBnd:\t0000000000201000$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(readdirSync(`/proc/${pid}/root`)).toEqual([]);
    await box.end();
  });
});

/** Networks of a user without root, which pasta leads out of a host that the test made itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { becomeOrdinaryUser } from './ordinary-user.ts';
import { ask, HOST_ADDRESS, OUTSIDE, OwnHost } from './own-host.ts';
import { compile } from './programs.ts';
import { starter } from './tsbox.ts';

if (starter.ids === 'all') becomeOrdinaryUser('one');

const OUTSIDE_6 = '2001:db8:1::1';
const datagrams = compile('datagrams', '-static');
const inBox = `-v=${datagrams}:/bin/datagrams:ro`;
const networks = `${starter.state}/../networks`;

let host: OwnHost;
let peer: ChildProcess;
beforeAll(async () => {
  host = await OwnHost.make([...starter.inside, ...starter.become]);
  host.shell(`mkdir -p /dev/net; [ -e /dev/net/tun ] || touch /dev/net/tun
    mknod /run/tsbox/tun c 10 200; chmod 666 /run/tsbox/tun; mount --bind /run/tsbox/tun /dev/net/tun
    ip -6 route add default via ${OUTSIDE_6}`);
  const [command = '', ...beyond] = host.beyond;
  const script = new URL('outside-peer.mjs', import.meta.url).pathname;
  peer = spawn(command, [...beyond, process.execPath, script, OUTSIDE, OUTSIDE_6], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(peer.stdout ?? peer, 'data');
});
afterAll(() => {
  peer.kill('SIGKILL');
  host.end();
});

/** Of the host, and of the user's boxes. */
function traces(): string {
  return (
    host.traces() +
    host.shell(`ss -Hltun; find ${networks}/boxes -mindepth 1 2>/dev/null || true`) +
    pastas().join(' ')
  );
}

/** Processes of that name that have not ended. */
function pastas(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return /^Name:\tpas[st]ta?/m.test(status) && !/^State:\t[ZX]/m.test(status);
    } catch {
      return false;
    }
  });
}

let before: string;
beforeEach(() => {
  before = traces();
});
afterEach(async () => {
  await host.tidy();
  expect(traces()).toBe(before);
});

const pasta = (script: string, ...flags: string[]) =>
  host.box(script, '--network=pasta', inBox, ...flags);

/** A command that sends a few megabytes and shows whether what came is the same. */
const exchange = (address: string) =>
  `head -c 3000000 /dev/urandom >/tmp/sent; nc -w 5 ${address} 7 </tmp/sent >/tmp/hash; [ "$(sha256sum </tmp/sent | cut -d' ' -f1)" = "$(cat /tmp/hash)" ] && echo unharmed`;

describe('the way out', () => {
  test('by IPv4, IPv6 and name, TCP and UDP', () => {
    const { stdout, stderr, status } = pasta(
      `ls /sys/class/net; ip -o -4 address show eth0; ip route; ${exchange(OUTSIDE)}; ${exchange(OUTSIDE_6)}; ${exchange('outside.example')}`,
      `--dns=${OUTSIDE}`,
      '--tmpfs=/tmp',
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^eth0\nlo\n/);
    expect(stdout).toContain(`inet ${HOST_ADDRESS}/24`);
    expect(stdout).toContain(`default via ${OUTSIDE} dev eth0`);
    expect(stdout).toMatch(/(unharmed\n){3}$/);
  });

  test('names are those of the host, of --dns and --add-host, and no resolver at a loopback address', () => {
    const { stdout } = pasta(
      'cat /etc/hosts /etc/resolv.conf; echo x >>/etc/hosts || echo ro',
      '--dns=192.0.2.53',
      '--dns-search=example.org',
      '--add-host=db:192.0.2.7',
      '--hostname=mine',
    );
    expect(stdout).toMatch(/^127\.0\.0\.1\tlocalhost mine [0-9a-f]{12}$/m);
    expect(stdout).toMatch(/^192\.0\.2\.7\tdb$/m);
    expect(stdout).toMatch(/^search example\.org\nnameserver 192\.0\.2\.53\nro$/m);
    host.shell('printf "nameserver 127.0.0.53\\nnameserver 192.0.2.54\\n" >/run/tsbox/resolv.conf');
    host.shell('mount --bind /run/tsbox/resolv.conf /etc/resolv.conf');
    expect(pasta('cat /etc/resolv.conf').stdout).toBe('nameserver 192.0.2.54\n');
    host.shell('umount /etc/resolv.conf; rm /run/tsbox/resolv.conf');
  });

  test.each(['--userns=keep-id', '--user=7:7', '--read-only', '--cap-drop=all', '--init'])(
    'with %s',
    (flag) => {
      if (starter.ids === 'one' && flag.startsWith('--user=')) return;
      const { stdout, stderr } = pasta(ask(OUTSIDE, 7), flag);
      expect({ stdout, stderr }).toEqual({
        stdout: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n',
        stderr: '',
      });
    },
  );
});

/** A host for tests of networks of a user without root, with its own way out by IPv4 and IPv6. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { OUTSIDE, OwnHost } from './own-host.ts';
import { compile } from './programs.ts';
import { starter } from './tsbox.ts';

export const OUTSIDE_6 = '2001:db8:1::1';
export const HOST_ADDRESS_6 = '2001:db8:1::2';

/** Static, for boxes, too. */
export const datagrams = compile('datagrams', '-static');

/**
 * For the tests of a file, which leave nothing on it. tsbox is started as {@link starter} says.
 * @param begin given the host, has made what stays after it.
 */
export function onPastaHost(begin: (host: OwnHost) => void): void {
  let host: OwnHost;
  let peer: ChildProcess;
  let before: string;
  beforeAll(async () => {
    host = await OwnHost.make([...starter.inside, ...starter.become]);
    peer = await furnish(host);
    begin(host);
  });
  afterAll(() => {
    peer.kill('SIGKILL');
    host.end();
  });
  beforeEach(() => {
    before = traces(host);
  });
  afterEach(async () => {
    await host.tidy();
    expect([...running('pasta'), ...running('passt')]).toEqual([]);
    expect(traces(host)).toBe(before);
  });
}

/** @returns the machine that it reaches. */
async function furnish(host: OwnHost): Promise<ChildProcess> {
  // Where the interface has no link-local address, pasta up to 2023 takes the host to have no IPv6.
  host.shell(`ip -6 address add fe80::2/64 dev out0 nodad
    mknod /run/tsbox/tun c 10 200; chmod 666 /run/tsbox/tun
    mkdir -p /dev/net; [ -e /dev/net/tun ] || touch /dev/net/tun
    mount --bind /run/tsbox/tun /dev/net/tun
    ip -6 route add default via ${OUTSIDE_6}`);
  const [command = '', ...beyond] = host.beyond;
  const script = new URL('outside-peer.mjs', import.meta.url).pathname;
  const peer = spawn(command, [...beyond, process.execPath, script, OUTSIDE, OUTSIDE_6], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(peer.stdout, 'data');
  return peer;
}

/** Of the host, and of the user's boxes. */
function traces(host: OwnHost): string {
  const networks = `${starter.state}/../networks`;
  return (
    host.traces() +
    host.shell(
      `ss -Hltun; find ${networks}/boxes -mindepth 1 2>/dev/null || true; ls -A ${starter.state}`,
    )
  );
}

/** Processes of pasta, or of passt, that have not ended: both are one program, which goes by its first argument. */
export function running(name: 'pasta' | 'passt'): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return basename(program) === name && !/^State:\t[ZX]/m.test(status) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

/** The only one. */
export function pidOf(name: 'pasta' | 'passt'): number {
  const [pid, ...others] = running(name);
  if (pid === undefined || others.length > 0) throw new Error(`not one ${name}: ${pid} ${others}`);
  return pid;
}

/** Connects without closing its half, and shows what it is answered. */
export const askHalf = (address: string, port: number) =>
  `[ -p /tmp/open ] || mkfifo /tmp/open; busybox nc -w 3 ${address} ${port} <>/tmp/open || echo nobody`;

/** Sends a few megabytes and shows whether what came is the same. */
export const exchange = (address: string) => `
  rm -f /tmp/line; mkfifo /tmp/line; exec 3<>/tmp/line
  head -c 3000000 /dev/urandom >/tmp/sent
  { echo 3000000; cat /tmp/sent; } >/tmp/line &
  hash=$(nc -w 9 ${address} 7 </tmp/line)
  [ "$(sha256sum </tmp/sent | cut -d' ' -f1)" = "$hash" ] && echo unharmed`;

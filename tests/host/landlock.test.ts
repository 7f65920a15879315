/**
 * What Landlock keeps apart where a namespace is shared with the host. Only root can share one, and
 * only by a specification: without a network namespace of its own a user's box could have no sysfs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { request, runContainer } from './library.ts';
import { compileProbe, readProbe } from './probe.ts';
import { tsbox } from './tsbox.ts';

const scratch = mkdtempSync(`${tmpdir()}/tsbox-test-`);
afterAll(() => rmSync(scratch, { recursive: true }));
const probe = compileProbe(scratch);

type Request = ReturnType<typeof request>;
const withFields = (
  box: Request,
  process: object,
  linux: object = {},
): ReturnType<typeof request> => ({
  ...box,
  spec: {
    ...box.spec,
    process: { ...box.spec.process, ...process },
    linux: { ...box.spec.linux, ...linux },
  },
});

const modules = tsbox(['doctor', '--json']).stdout;
const walled = /"Landlock",\s*"status": "ok"/.test(modules);

/** A box that shares a namespace with the host, so that Landlock alone keeps them apart. */
const without = (type: string, box: Request) =>
  withFields(
    box,
    {},
    { namespaces: box.spec.linux.namespaces.filter((each) => each.type !== type) },
  );

test.runIf(walled)(
  'abstract sockets of the host are out of reach even in its network namespace',
  async () => {
    const name = `tsbox-test-${process.pid}`;
    const server = createServer((socket) => socket.end()).listen(`\0${name}`);
    const line = `/p/probe ${name} >/p/out`;
    await runContainer(
      without(
        'network',
        // No sysfs can be mounted in a user namespace that does not own the network.
        request(['sh', '-c', line], { userns: 'host', volume: [`${scratch}:/p`] }),
      ),
    );
    const EPERM = '1';
    expect(readProbe(readFileSync(`${scratch}/out`, 'utf8')).socket).toBe(EPERM);
    expect(readProbe(execFileSync(probe, [name], { encoding: 'utf8' })).socket).toBe('0');
    server.close();
  },
);

test.runIf(walled)(
  'even with every capability and the host’s /proc no process of the host is entered',
  async () => {
    const line = `ls /h/${process.pid}/root/ >/p/out 2>&1; ls /proc/self/root/ >/p/own; mount -t tmpfs x /tmp && touch /p/mounted`;
    const box = request(['sh', '-c', line], {
      userns: 'host',
      volume: [`${scratch}:/p`, '/proc:/h'],
      capAdd: ['SYS_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH'],
    });
    await runContainer(box);
    expect(readFileSync(`${scratch}/out`, 'utf8')).toMatch(/Permission denied/);
    expect(readFileSync(`${scratch}/own`, 'utf8')).toMatch(/^bin$/m);
    expect(readFileSync(`${scratch}/mounted`, 'utf8')).toBe('');
  },
);

/**
 * Attack class "guest to VMM memory": nothing can be seen of it from outside but what a guest would
 * find that has taken over QEMU or virtiofsd.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { descendantsOf } from '../host/processes.ts';
import { eachLeavesNothing, started } from '../host/tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
for (const share of ['writable', 'read-only']) {
  mkdirSync(join(scratch, share));
  writeFileSync(join(scratch, share, 'only-this'), '');
}

eachLeavesNothing();

interface Process {
  readonly pid: number;
  readonly status: string;
}

/** Runs a micro-VM and looks at the processes below tsbox while its workload sleeps. */
async function inspect(flags: readonly string[], look: (processes: Process[]) => void) {
  const words = ['run', '--vm', ...flags, 'busybox', '--', 'sh', '-c', 'echo ready; sleep 100'];
  const { child, ended } = await started(words, 'ready');
  try {
    look(below(child.pid ?? 0));
  } finally {
    child.kill('SIGKILL');
    await ended;
    // Removes what the killed one has left.
    const after = await started(['run', '--vm', 'busybox', '--', 'echo', 'ready'], 'ready');
    await after.ended;
  }
}

function below(parent: number): Process[] {
  return descendantsOf(parent).map((pid) => ({
    pid,
    status: readFileSync(`/proc/${pid}/status`, 'utf8'),
  }));
}

const field = ({ status }: Process, name: string) =>
  new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1];

const named = (processes: readonly Process[], name: string): Process[] =>
  processes.filter((process) => field(process, 'Name') === name);

function theQemu(processes: readonly Process[]): Process {
  const [found, ...others] = named(processes, 'qemu-system-x86');
  if (found === undefined || others.length > 0) throw new Error('not exactly one QEMU');
  return found;
}

const capabilitySets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

function mounts({ pid }: Process): { from: string; options: string[] }[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, , , from = '', , options = ''] = line.split(' ');
      return { from, options: options.split(',') };
    });
}

describe('QEMU', () => {
  test('has a user of its own, no capability, and a seccomp filter beside its own', async () => {
    const users: string[] = [];
    const flags = ['-v', `${scratch}/writable:/v`];
    for (const own of [[], flags])
      await inspect(own, (processes) => {
        const process = theQemu(processes);
        const [uid = ''] = field(process, 'Uid')?.split('\t') ?? [];
        users.push(uid);
        expect(Number(uid)).toBeGreaterThanOrEqual(0x7f000000);
        for (const ids of ['Uid', 'Gid'])
          expect(field(process, ids)).toBe([uid, uid, uid, uid].join('\t'));
        expect(field(process, 'Groups')).toBe('');
        for (const set of capabilitySets) expect(field(process, set)).toBe('0000000000000000');
        expect(field(process, 'NoNewPrivs')).toBe('1');
        expect(field(process, 'Seccomp')).toBe('2');
        expect(field(process, 'Seccomp_filters')).toBe('2');
      });
    expect(users[0]).not.toBe(users[1]);
  });

  test('shares no namespace of the host’s that it could see others in', async () => {
    await inspect([], (processes) => {
      const { pid } = theQemu(processes);
      for (const type of ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'])
        expect(readlinkSync(`/proc/${pid}/ns/${type}`)).not.toBe(
          readlinkSync(`/proc/self/ns/${type}`),
        );
    });
  });

  test('sees the system’s libraries, its kernel and its initial file system, and can change nothing', async () => {
    await inspect(['-v', `${scratch}/writable:/v`], (processes) => {
      const process = theQemu(processes);
      const allowed = new Set(['usr', 'lib', 'lib64', 'etc', 'kernel', 'initrd', 'dev']);
      const root = `/proc/${process.pid}/root`;
      expect(readdirSync(root).filter((name) => !allowed.has(name))).toEqual([]);
      expect(readdirSync(`${root}/etc`)).toEqual(['ld.so.cache']);
      for (const { options } of mounts(process))
        expect(options).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
    });
  });

  test('has no descriptor but its streams, its console and its sockets', async () => {
    await inspect(['-v', `${scratch}/writable:/v`], (processes) => {
      const { pid } = theQemu(processes);
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) =>
        readlinkSync(`/proc/${pid}/fd/${fd}`),
      );
      const known =
        /^(socket:|anon_inode:|\/memfd:|\/dev\/null$|\/run\/tsbox\/boxes\/[0-9a-f]+\/(log|console)$|\/\S+\/templates\/disk-[0-9a-f]+\/erofs$)/;
      expect(files.filter((file) => !known.test(file))).toEqual([]);
      const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
      expect(limits).toMatch(/^Max core file size +0 +0 /m);
      expect(limits).toMatch(/^Max file size +\d+ +\d+ /m);
    });
  });
});

describe('virtiofsd', () => {
  // CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SETGID, CAP_SETUID; with CAP_CHOWN, CAP_FSETID.
  test.each([
    ['read-only', ':ro', '00000000000000ca'],
    ['writable', '', '00000000000000db'],
  ])(
    'a %s share is all that it sees, with the rights that serving takes',
    async (name, option, rights) => {
      await inspect(['-v', `${scratch}/${name}:/v${option}`], (processes) => {
        const servers = named(processes, 'virtiofsd');
        expect(servers).toHaveLength(2);
        for (const process of servers) {
          expect(readdirSync(`/proc/${process.pid}/root`)).toEqual(['only-this']);
          const [share, ...others] = mounts(process);
          expect(others).toEqual([]);
          expect(share?.from.endsWith(`/${name}`)).toBe(true);
          expect(share?.options).toEqual(
            expect.arrayContaining([name === 'writable' ? 'rw' : 'ro', 'nosuid', 'nodev']),
          );
          expect(field(process, 'NoNewPrivs')).toBe('1');
          expect(field(process, 'CapBnd')).toBe('0000000000000000');
        }
        const sets = servers.map((process) => field(process, 'CapEff')).sort();
        expect(sets).toEqual(['0000000000000000', rights]);
        expect(servers.map((process) => field(process, 'Seccomp'))).toContain('2');
      });
    },
  );
});

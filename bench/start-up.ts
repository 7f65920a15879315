/**
 * What tsbox's own start costs, against the floor below it: in each round every subject runs once, in
 * random order, and then some of them ten times in a row, so that the processor's caches hold what they
 * use: of those the median of the last eight counts. Bare QEMU boots the same kernel to an init that restarts the machine at once.
 *   sh scripts/with-node bench/start-up.ts [ROUNDS [ROUNDS_OF_VMS]]
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPeers } from '../src/bench/peers.ts';
import { makeRounds, randomSequence } from '../src/bench/schedule.ts';
import { milliseconds, runProcess } from '../src/bench/spawn.ts';
import { summarize } from '../src/bench/statistics.ts';
import type * as library from '../src/index.ts';
import { cpioArchive, fileEntry } from '../src/vm/cpio.ts';

const top = new URL('..', import.meta.url).pathname;
const tsbox: typeof library = await import(join(top, 'dist/index.js'));
const [rounds = 40, roundsOfVms = 15] = process.argv.slice(2).map(Number);
// Node reads these certificates before anything else, in both subjects that are Node.
delete process.env.NODE_EXTRA_CA_CERTS;

const data = tsbox.dataDirectory(process.env, 0);
const rootfs = tsbox.findImage('busybox', data, '/');
const scratch = mkdtempSync(join(tmpdir(), 'tsbox-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

/** Milliseconds that one run takes. */
type Subject = () => Promise<number>;

function program(...argv: string[]): Subject {
  return async () => {
    const run = await runProcess(argv, 'drop', 120);
    if (run.status !== 0) throw new Error(`${argv.join(' ')}: ${run.status}: ${run.stderr}`);
    return milliseconds(run);
  };
}

/** In this process, which has done it before. @param own more of what was asked for. */
async function libraryCall(own: { readonly userns?: string } = {}): Promise<number> {
  const start = process.hrtime.bigint();
  const box = tsbox.specFromOptions(
    { ...tsbox.noOptions, ...own, command: ['true'] },
    tsbox.imageFacts(rootfs),
    {
      env: {},
      cwd: '/',
      findDevices: () => [],
      ids: tsbox.plainRoot,
    },
  );
  const fd = openSync('/dev/null', 'r+');
  const stdio = { stdin: fd, stdout: fd, stderr: fd };
  const sandbox = await tsbox.startContainer(box, stdio, new tsbox.Timeline(), console.error);
  await sandbox.wait();
  closeSync(fd);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** runc, crun and bubblewrap, where they are. */
async function peers(): Promise<Record<string, Subject>> {
  const directory = mkdtempSync(join(scratch, 'peers-'));
  const found = await findPeers(tsbox.imageFacts(rootfs), directory);
  return Object.fromEntries(
    found.flatMap((peer) => {
      if (!('argv' in peer)) return [];
      let run = 0;
      return [[peer.name, () => program(...peer.argv(run++))()]];
    }),
  );
}

/** The same work at its least, in C, timed by itself: bench/floor.c. */
function floor(): Subject {
  const file = join(scratch, 'floor');
  execFileSync('cc', ['-O1', '-o', file, join(top, 'bench/floor.c')]);
  return async () => Number(execFileSync(file, [rootfs], { encoding: 'utf8' })) / 1e6;
}

/** The same kernel, and an init that does nothing. @param more parameters of the kernel. */
function bareQemu(...more: string[]): Subject {
  const init = join(scratch, 'init');
  const free = ['-ffreestanding', '-nostdlib', '-static', '-no-pie', '-fno-stack-protector'];
  execFileSync('cc', ['-Os', ...free, '-o', init, join(top, 'bench/restart.c')]);
  writeFileSync(
    join(scratch, 'initrd'),
    Buffer.concat(cpioArchive([fileEntry('init', readFileSync(init), 0o755)])),
  );
  const bogomips = Number(
    /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1],
  );
  const words = `${more.join(' ')} console=ttyS0 quiet reboot=t panic=-1 noreplace-smp tsc_early_khz=${Math.round(bogomips * 500)}`;
  return program(
    'qemu-system-x86_64',
    ...['-M', 'microvm,x-option-roms=off,accel=tcg', '-m', '256M', '-smp', '1'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', join(data, 'kernels/current/vmlinux'), '-initrd', join(scratch, 'initrd')],
    ...['-append', words, '-serial', `file:${join(scratch, 'console')}`],
  );
}

/** What a process does again and again. */
function inARow(subject: Subject): Subject {
  return async () => {
    const times: number[] = [];
    for (let run = 0; run < 10; run++) times.push(await subject());
    return summarize(times.slice(2)).median;
  };
}

async function measure(subjects: Record<string, Subject>, count: number): Promise<void> {
  const names = Object.keys(subjects);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  const warmUp = 3;
  for (const [round, order] of makeRounds(names, warmUp + count, randomSequence(1)).entries())
    for (const name of order) {
      const time = await subjects[name]?.();
      if (round >= warmUp && time !== undefined) times.get(name)?.push(time);
    }
  const base = times.get(names[0] ?? '') ?? [];
  for (const [name, list] of times) {
    const { median, mad, min, max } = summarize(list);
    const over = summarize(list.map((time, round) => time - (base[round] ?? 0)));
    const figures = [median, mad, min, max].map((time) => time.toFixed(2).padStart(9)).join(' ');
    const difference = `${over.median.toFixed(2)} ± ${over.mad.toFixed(2)}`;
    console.log(`${name.padEnd(32)}${figures}   ${name === names[0] ? '' : difference}`);
  }
}

console.log(`${'milliseconds'.padEnd(32)}   median       MAD       min       max   over the first`);
/** What a network costs is measured by bench/network.ts. */
const run = [join(top, 'bin/tsbox'), 'run', '--network=none'];
/** A user who owns a runtime directory alone, or root, started in the same way. */
function asUser(id: number): Subject {
  const runtime = mkdtempSync(join(scratch, 'runtime-'));
  chownSync(runtime, id, id);
  chmodSync(scratch, 0o755);
  const become = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups'];
  const environment = ['env', `XDG_RUNTIME_DIR=${runtime}`];
  return program(...become, ...environment, ...run, '--rootfs', rootfs, 'true');
}

// Warm is a process that has called it often enough for its code to be compiled.
for (let call = 0; call < 50; call++) await libraryCall();
await measure(
  {
    'node -e 0': program(process.execPath, '-e', '0'),
    'tsbox run busybox true': program(...run, 'busybox', 'true'),
    'with --userns=host': program(...run, '--userns=host', 'busybox', 'true'),
    'library call, warm': libraryCall,
    'with the ids of the host': () => libraryCall({ userns: 'host' }),
    'floor of that, in C': floor(),
    ...(await peers()),
    'tsbox run by setpriv, root': asUser(0),
    'tsbox run by setpriv, user': asUser(61234),
  },
  rounds,
);
const inRows = {
  'library call, warm': libraryCall,
  'floor of that, in C': floor(),
  ...(await peers()),
};
await measure(
  Object.fromEntries(
    Object.entries(inRows).map(([name, subject]) => [`${name}, in a row`, inARow(() => subject())]),
  ),
  Math.ceil(rounds / 4),
);
await measure(
  {
    'bare QEMU': bareQemu(),
    "with tsbox's parameters": bareQemu('cryptomgr.notests'),
    'tsbox run --vm busybox true': program(...run, '--vm', 'busybox', 'true'),
  },
  roundsOfVms,
);

/**
 * What a network costs a box: a library call, warm, on a bridge against one without a network, each once
 * in every round, in random order; and how long it takes until as many boxes as COUNT, started at once,
 * reach each other. It runs in a network namespace of its own, and leaves nothing. Where podman is
 * installed, a whole run of its own shows the scale.
 *   npm run build && sudo sh scripts/with-node bench/network.ts [ROUNDS [COUNT]]
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { signalNumbers } from '../src/abi/signals.ts';
import { makeRounds, randomSequence } from '../src/bench/schedule.ts';
import { summarize } from '../src/bench/statistics.ts';
import type * as library from '../src/index.ts';

const OWN_HOST = `
mount --make-rprivate /
mkdir -p /run/tsbox && mount -t tmpfs -o mode=700 none /run/tsbox
ip link set lo up
exec "$@"
`;
const [rounds = 100, count = 50, inside = 0] = process.argv.slice(2).map(Number);
if (inside === 0) {
  const self = [process.execPath, import.meta.filename, `${rounds}`, `${count}`, '1'];
  const words = ['--net', '--mount', 'sh', '-ec', OWN_HOST, 'sh', ...self];
  execFileSync('unshare', words, { stdio: 'inherit' });
  process.exit();
}

/**
 * podman's storage is one of this bench's own. It knows neither a hybrid hierarchy of cgroups nor a hard
 * limit that it cannot raise.
 */
const PODMAN = `
umount /sys/fs/cgroup/unified 2>/dev/null || true
mkdir -p /var/lib/containers /run/containers
mount -t tmpfs none /var/lib/containers && mount -t tmpfs none /run/containers
cp -a "$1" /var/lib/containers/image
now() { date +%s%N; }
run() {
  podman --cgroup-manager=cgroupfs run --rm --cgroups=disabled --security-opt=seccomp=unconfined \\
    --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 "$@" --rootfs /var/lib/containers/image true
}
for round in $(seq "$2"); do
  start=$(now); run --network=none; middle=$(now); run --network=bridge --publish=8080:80
  echo $((middle - start)) $(($(now) - middle))
done
`;

const top = new URL('..', import.meta.url).pathname;
const tsbox: typeof library = await import(join(top, 'dist/index.js'));
const data = tsbox.dataDirectory(process.env, 0);
const facts = tsbox.imageFacts(tsbox.findImage('busybox', data, '/'));
const null_ = openSync('/dev/null', 'r+');

const { SIGKILL } = signalNumbers;

type Asked = Partial<typeof tsbox.noOptions>;

function start(own: Asked, ...command: string[]): Promise<library.Sandbox> {
  const box = tsbox.specFromOptions({ ...tsbox.noOptions, ...own, command }, facts, {
    env: {},
    cwd: '/',
    findDevices: () => [],
    ids: tsbox.plainRoot,
  });
  const stdio = { stdin: null_, stdout: null_, stderr: null_ };
  return tsbox.startContainer(box, stdio, new tsbox.Timeline(), console.error);
}

/** Milliseconds until its workload runs, and until nothing is left of it. */
async function call(own: Asked): Promise<readonly [number, number]> {
  const began = performance.now();
  const box = await start(own, 'true');
  const started = performance.now();
  await box.wait();
  return [started - began, performance.now() - began];
}

/** @param subjects the first is what the others are compared with. */
async function measure(subjects: Readonly<Record<string, Asked>>): Promise<void> {
  const names = Object.keys(subjects);
  const times = new Map(
    names.map((name) => [name, { started: [] as number[], whole: [] as number[] }]),
  );
  const warmUp = 10;
  for (const [round, order] of makeRounds(names, warmUp + rounds, randomSequence(1)).entries())
    for (const name of order) {
      const [started, whole] = await call(subjects[name] ?? {});
      if (round < warmUp) continue;
      times.get(name)?.started.push(started);
      times.get(name)?.whole.push(whole);
    }
  const base = times.get(names[0] ?? '');
  for (const [name, { started, whole }] of times) {
    const column = (list: readonly number[], less: readonly number[] = []) => {
      const { median, mad } = summarize(list);
      const over = summarize(list.map((time, round) => time - (less[round] ?? 0)));
      const own = `${median.toFixed(2)} ± ${mad.toFixed(2)}`;
      return `${own.padStart(15)} ${`${over.median.toFixed(2)} ± ${over.mad.toFixed(2)}`.padStart(15)}`;
    };
    console.log(`${name.padEnd(40)}${column(started, base?.started)}${column(whole, base?.whole)}`);
  }
}

/** Whole processes, by turns. */
function measurePodman(turns: number): void {
  try {
    execFileSync('podman', ['--version'], { stdio: 'ignore' });
  } catch {
    console.log('podman is not installed');
    return;
  }
  const image = tsbox.findImage('busybox', data, '/');
  const words = ['--mount', 'sh', '-ec', PODMAN, 'sh', image, `${turns}`];
  const lines = execFileSync('unshare', words, { encoding: 'utf8' }).trim().split('\n');
  const times = lines.map((line) => line.split(' ').map((word) => Number(word) / 1e6));
  const over = times.map(([none = 0, bridged = 0]) => bridged - none);
  for (const [name, list] of [
    ['podman run --network=none', times.map(([none = 0]) => none)],
    ['… on a bridge, with a published port', times.map(([, bridged = 0]) => bridged)],
    ['… over the first', over],
  ] as const) {
    const { median, mad } = summarize(list);
    console.log(`${name.padEnd(40)}${`${median.toFixed(0)} ± ${mad.toFixed(0)}`.padStart(15)}`);
  }
}

/** Milliseconds from the first of {@link count} calls at once until a server in each box answers. */
async function allReached(): Promise<number> {
  const began = performance.now();
  const starting = Array.from({ length: count }, () =>
    start(bridge, 'nc', '-ll', '-p', '80', '-e', 'true'),
  );
  // Who asks for an address that nobody has yet is told of it a second later, by the next ARP request.
  const boxes = await Promise.all(starting);
  // The first addresses of the network are theirs.
  await Promise.all(boxes.map((_, index) => answers(`10.90.0.${index + 2}`, 80)));
  const took = performance.now() - began;
  for (const box of boxes) {
    box.signal(SIGKILL);
    await box.wait();
  }
  return took;
}

async function answers(host: string, port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host, port });
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await setTimeout(2);
    } finally {
      socket.destroy();
    }
  }
}

console.log(
  `${'milliseconds'.padEnd(40)}        started  over the first          whole  over the first`,
);
const none: Asked = { network: 'none' };
const bridge: Asked = { network: 'bridge' };
const published: Asked = { ...bridge, publish: ['8080:80'] };
await measure({ none, 'alone on a bridge': bridge, '… with a published port': published });
const other = await start({ ...bridge, publish: ['8081:80'] }, 'sleep', '1000000');
await measure({ none, 'on a bridge with others': bridge, '… with a published port': published });
other.signal(SIGKILL);
await other.wait();
const together: number[] = [];
for (let round = 0; round < 5; round++) together.push(await allReached());
const { median, mad } = summarize(together);
console.log(
  `${count} boxes, from the first call until all answer: ${median.toFixed(0)} ± ${mad.toFixed(0)}`,
);
measurePodman(15);
closeSync(null_);

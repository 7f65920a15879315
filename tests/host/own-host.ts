/**
 * A host for tests of networks: a network namespace with a way out, and state of tsbox's of its own.
 * Nothing that is sent in it leaves it.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { program, type Result } from './tsbox.ts';

/** The host's own address on the way out, and that of who is there. */
export const HOST_ADDRESS = '192.0.2.2';
export const OUTSIDE = '192.0.2.1';

/** `out1` is in a namespace of its own: what is there is no neighbour of the host's bridges. */
const SET_UP = `
mount --make-rprivate /
mkdir -p /run/tsbox && mount -t tmpfs -o mode=700 none /run/tsbox
mkdir -p /var/lib/tsbox/networks && mount -t tmpfs none /var/lib/tsbox/networks
ip link set lo up
ip link add out0 type veth peer name out1
unshare -n sleep infinity & outside=$!
while [ "$(readlink /proc/$outside/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
ip link set out1 netns $outside
nsenter -t $outside -n ip address add ${OUTSIDE}/24 dev out1
nsenter -t $outside -n ip -6 address add 2001:db8:1::1/64 dev out1 nodad
nsenter -t $outside -n ip link set out1 addrgenmode none
nsenter -t $outside -n ip link set out1 up
nsenter -t $outside -n ip link set lo up
ip address add ${HOST_ADDRESS}/24 dev out0
ip -6 address add 2001:db8:1::2/64 dev out0 nodad
ip link set out0 addrgenmode none
ip link set out0 up
ip route add default via ${OUTSIDE}
echo 0 > /proc/sys/net/ipv4/ip_forward
echo ready $outside
exec sleep infinity
`;

export class OwnHost {
  readonly #process: ChildProcess;
  readonly #outside: number;
  readonly #running: ChildProcess[] = [];
  /** What executes tsbox as somebody else. */
  readonly #become: readonly string[];

  private constructor(process: ChildProcess, outside: number, become: readonly string[]) {
    this.#process = process;
    this.#outside = outside;
    this.#become = become;
  }

  static async make(become: readonly string[] = []): Promise<OwnHost> {
    const child = spawn('unshare', ['-n', '-m', 'sh', '-ec', SET_UP], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return new OwnHost(child, Number(/^ready (\d+)/.exec(line.toString())?.[1]), become);
  }

  end(): void {
    process.kill(this.#outside, 'SIGKILL');
    this.#process.kill('SIGKILL');
  }

  /** What makes a command one of this host's. */
  get by(): readonly string[] {
    return ['nsenter', '-t', String(this.#process.pid), '-n', '-m', '--'];
  }

  /** What makes a command one of the machine's that it reaches. */
  get beyond(): readonly string[] {
    return ['nsenter', '-t', String(this.#outside), '-n', '--'];
  }

  /** A shell script on it. */
  shell(script: string): string {
    return this.#run([...this.by, 'sh', '-ec', script]);
  }

  /** A shell script on a machine that it reaches. */
  outside(script: string): string {
    return this.#run([...this.beyond, 'sh', '-c', script]);
  }

  #run([command = '', ...args]: readonly string[]): string {
    return execFileSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  }

  tsbox(...args: readonly string[]): Result {
    return this.result(program, ...args);
  }

  /** Of any program on it. */
  result(...words: readonly string[]): Result {
    return run([...this.by, ...this.#become, ...words]);
  }

  /** Of tsbox, started through a program that root executes with its own arguments. */
  resultAs(before: readonly string[], ...words: readonly string[]): Result {
    return run(this.commandAs(before, ...words));
  }

  commandAs(before: readonly string[], ...words: readonly string[]): readonly string[] {
    return [...this.by, ...before, ...this.#become, program, ...words];
  }

  /** All that networks could leave. An interface goes soon after the last process of its namespace. */
  traces(): string {
    return this.shell(
      'for try in $(seq 50); do ip -o link | grep -q ": tsb[0-9a-f]\\{12\\}@" || break; sleep 0.02; done; nft list ruleset; ip -o link; ip -o address | sed "s/ tentative//"; ip route show table all; ip -6 route show table all; cat /proc/sys/net/ipv4/ip_forward; find /run/tsbox /var/lib/tsbox/networks ! -type d',
    );
  }

  /** A shell script in a box of the busybox image. */
  box(script: string, ...flags: readonly string[]): Result {
    return this.tsbox('run', ...flags, 'busybox', '--', 'sh', '-c', script);
  }

  /** A box that runs until its input ends, or the test does; by then it has said something. */
  async start(...words: readonly string[]): Promise<RunningBox> {
    const [command = '', ...by] = this.by;
    const child = spawn(command, [...by, ...this.#become, program, 'run', '-i', ...words], {
      stdio: 'pipe',
    });
    this.#running.push(child);
    let [said, complained] = ['', ''];
    child.stderr.on('data', (chunk: Buffer) => {
      complained += chunk;
    });
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await once(child.stdout, 'data');
    const ended = once(child, 'close');
    return {
      said: () => said,
      complained: () => complained,
      write: (text) => void child.stdin.write(text),
      end: async () => {
        child.stdin.end();
        await ended;
      },
      kill: async () => {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  /** Says its address. */
  idle(...flags: readonly string[]): Promise<RunningBox> {
    return this.start(...flags, 'busybox', '--', 'sh', '-c', 'hostname -i; cat');
  }

  /** Gives this answer to whoever connects. */
  server(port: number, answer: string, ...flags: readonly string[]): Promise<RunningBox> {
    const script = `echo ready; nc -ll -p ${port} -e echo ${answer} & cat`;
    return this.start(...flags, 'busybox', '--', 'sh', '-c', script);
  }

  /** To be called after each test: what one that failed has left would make the next ones fail. */
  async tidy(): Promise<void> {
    const left = this.#running
      .splice(0)
      .filter(({ exitCode, signalCode }) => (exitCode ?? signalCode) === null);
    for (const child of left) child.kill('SIGKILL');
    await Promise.all(left.map((child) => once(child, 'close')));
    if (left.length > 0) this.box('true');
  }
}

function run([command = '', ...args]: readonly string[]): Result {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, stdout, stderr };
}

export interface RunningBox {
  /** All of its output so far. */
  said(): string;
  /** All of its tsbox's own so far. */
  complained(): string;
  write(text: string): void;
  end(): Promise<void>;
  /** Its tsbox. */
  kill(): Promise<void>;
}

/** A command that connects and shows what it is answered. */
export function ask(address: string, port: number): string {
  return `busybox nc -w 3 ${address} ${port} </dev/null || echo nobody`;
}

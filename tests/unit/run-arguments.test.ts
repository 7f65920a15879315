import { expect, test } from 'vitest';
import { LenientCommand } from '../../src/cli/lenient-command.ts';
import { addRunOptions, type RunArguments, toRunArguments } from '../../src/cli/run-arguments.ts';

/** @returns what is understood, or the error's first line. */
function parse(line: string): RunArguments | string {
  const words = line.split(' ').filter((word) => word !== '');
  const program = new LenientCommand('tsbox').enablePositionalOptions().exitOverride();
  let result: RunArguments | string = 'the command was not reached';
  program.configureOutput({ writeErr: () => undefined });
  const run = addRunOptions(program.command('run'));
  run.action(() => {
    result = toRunArguments(run);
    result.problems.throwIfAny();
  });
  try {
    program.parse(['run', ...words], { from: 'user' });
  } catch (error) {
    result = (error as Error).message;
  }
  return result;
}
const parsed = (line: string) => parse(line) as RunArguments;

test.each([
  ['one true', 'one', ['true']],
  ['one -- true', 'one', ['true']],
  ['one -- -- true', 'one', ['--', 'true']],
  ['-- one true', 'one', ['true']],
  ['one echo --vm -m', 'one', ['echo', '--vm', '-m']],
  ['--vm one -- echo -- x', 'one', ['echo', '--', 'x']],
  ['./dir true', './dir', ['true']],
])('%s', (line, word, command) => {
  expect(parsed(line).image).toEqual({ kind: 'image', word });
  expect(parsed(line).options.command).toEqual(command);
});

test.each([
  ['--rootfs /r true', ['true']],
  ['--rootfs=/r -- true --vm', ['true', '--vm']],
  ['--rootfs /r echo -- x', ['echo', '--', 'x']],
])('%s', (line, command) => {
  expect(parsed(line).image).toEqual({ kind: 'rootfs', directory: '/r' });
  expect(parsed(line).options.command).toEqual(command);
});

test.each([
  ['', { kind: 'off' }],
  ['--timing', { kind: 'text' }],
  ['--timing=text', { kind: 'text' }],
  ['--timing=json', { kind: 'json', file: 'tsbox-timing.json' }],
  ['--timing=json --timing-file f', { kind: 'json', file: 'f' }],
  ['--timing-file f', { kind: 'json', file: 'f' }],
])('timing of %j', (flags, timing) => {
  expect(parsed(`${flags} one true`).timing).toEqual(timing);
  expect(parsed(`${flags} one true`).options.command).toEqual(['true']);
});

test('every flag, long', () => {
  const line =
    '--memory 1m --cpus 1 --pids-limit -1 --env A=1 --env B --workdir /w --user u --hostname h --network bridge --publish 1:2 --dns 192.0.2.1 --dns-search a --dns-option ndots:1 --add-host a:192.0.2.1 --volume a:/a --volume b:/b --device /dev/a --tmpfs /t --mount type=tmpfs,dst=/m --read-only --writable --ulimit core=0 --umask 077 --userns auto --uidmap 0:1:2 --gidmap 0:3 --gidmap 1:4 --group-add g --cap-add A,B --cap-drop ALL --oom-score-adj -5 --security-opt no-new-privileges --env-file e --env-file f --entrypoint p --label l=1 --label m --label-file g --annotation a=1 --shm-size 1m --sysctl s=1 --pid host --ipc none --uts host --cgroupns host --volumes-from ab --read-only-tmpfs=false --cpu-shares 2 --cpuset-cpus 0 --cpuset-mems 1 --memory-swap -1 --memory-reservation 5m --timeout 7 --preserve-fds 2 --stop-signal INT --init --tty --interactive --detach-keys ctrl-a --vm --debug one true';
  expect(parsed(line)).toMatchObject({ driver: 'vm', debug: true });
  expect(parsed(line).options).toEqual({
    command: ['true'],
    memory: '1m',
    cpus: '1',
    pidsLimit: '-1',
    env: ['A=1', 'B'],
    workdir: '/w',
    user: 'u',
    hostname: 'h',
    network: 'bridge',
    publish: ['1:2'],
    dns: ['192.0.2.1'],
    dnsSearch: ['a'],
    dnsOption: ['ndots:1'],
    addHost: ['a:192.0.2.1'],
    volume: ['a:/a', 'b:/b'],
    device: ['/dev/a'],
    tmpfs: ['/t'],
    mount: ['type=tmpfs,dst=/m'],
    init: true,
    tty: true,
    readOnly: true,
    writable: true,
    ulimit: ['core=0'],
    groupAdd: ['g'],
    capAdd: ['A,B'],
    capDrop: ['ALL'],
    oomScoreAdj: '-5',
    securityOpt: ['no-new-privileges'],
    envFile: ['e', 'f'],
    entrypoint: 'p',
    label: ['l=1', 'm'],
    labelFile: ['g'],
    annotation: ['a=1'],
    shmSize: '1m',
    sysctl: ['s=1'],
    pid: 'host',
    ipc: 'none',
    uts: 'host',
    cgroupns: 'host',
    volumesFrom: ['ab'],
    readOnlyTmpfs: false,
    cpuShares: '2',
    cpusetCpus: '0',
    cpusetMems: '1',
    memorySwap: '-1',
    memoryReservation: '5m',
    timeout: '7',
    preserveFds: '2',
    stopSignal: 'INT',
    umask: '077',
    userns: 'auto',
    uidmap: ['0:1:2'],
    gidmap: ['0:3', '1:4'],
  });
});

test.each([
  ['', undefined],
  ['--read-only-tmpfs', undefined],
  ['--read-only-tmpfs=true', undefined],
  ['--read-only-tmpfs=false', false],
])('%j says of places in memory: %s', (flags, expected) => {
  expect(parsed(`${flags} one true`).options.readOnlyTmpfs).toBe(expected);
});

test('an entry point is a command, too', () => {
  expect(parsed('--entrypoint ls one').options).toMatchObject({ entrypoint: 'ls', command: [] });
  expect(parse('--entrypoint= one')).toMatch(/^error: no COMMAND given/);
});

test('every flag, short', () => {
  const { options } = parsed(
    '-m 1m -e A -w /w -u u -v a:/a -p 1:2 --net host -c 9 -l x=1 one true',
  );
  expect(options).toMatchObject({ cpuShares: '9', label: ['x=1'] });
  expect(options).toMatchObject({ memory: '1m', env: ['A'], workdir: '/w', user: 'u' });
  expect(options).toMatchObject({ network: 'host', publish: ['1:2'] });
  expect(options.volume).toEqual(['a:/a']);
});

test.each([
  ['--memroy', '--memory'],
  ['--env-fil', '--env-file'],
  ['--entry-point', '--entrypoint'],
  ['--lable', '--label'],
  ['--shm-sise', '--shm-size'],
  ['--cgroup-ns', '--cgroupns'],
  ['--volume-from', '--volumes-from'],
  ['--cpuset-cpu', '--cpuset-cpus'],
  ['--stopsignal', '--stop-signal'],
])('%s is refused, with the nearest name', (flag, name) => {
  expect(parse(`${flag} x one true`)).toMatch(
    new RegExp(`^unknown option '${flag}': is (.* or )?${name}( or .*)? meant\\?$`),
  );
});

test.each([
  ['', 'error: no IMAGE given: name an image or use --rootfs DIR'],
  ['one', 'error: no COMMAND given: name the program to run'],
  ['one --', 'error: no COMMAND given: name the program to run'],
  ['--rootfs /r', 'error: no COMMAND given: name the program to run'],
  ['--memroy 1m one true', "unknown option '--memroy': is --memory meant?"],
  [
    '--timing=jsn one true',
    "unknown option '--timing=jsn': --timing, --timing=text, --timing=json are known",
  ],
  ['--rm one true', "unknown option '--rm': nothing is left of a box when it ends: leave it out"],
  ['-q one true', "unknown option '-q': `tsbox run --help` lists all"],
  ['--net a --network b one true', '--network b: a box is on one network, and a is given'],
  ['--memory', "error: option '-m, --memory <amount>' argument missing"],
])('%j is refused', (line, message) => {
  expect(String(parse(line)).split('\n')[0]).toBe(message);
});

test.each([
  ['--tty=true', { tty: true }],
  ['--tty --tty=false', { tty: false }],
  ['--tty=false -t', { tty: true }],
  ['--init=false --read-only=true', { init: false, readOnly: true }],
])('%s says it as podman takes it', (flags, options) => {
  expect(parsed(`${flags} one --tty=maybe`).options).toMatchObject(options);
  expect(parsed(`${flags} one --tty=maybe`).options.command).toEqual(['--tty=maybe']);
});

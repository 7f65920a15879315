/** What a user gets to read who asks for something that cannot be done. */
import { closeSync, openSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import { type Result, traces, tsbox } from '../host/tsbox.ts';
import { expectNothingLeft, nobody, tsboxFor } from './caller.ts';

const commands = ['run', 'compare', 'explain', 'bench', 'doctor'];
const shared = ['run', 'compare', 'explain'];
const workload = ['busybox', '--', 'true'];

const before = traces();
afterAll(() => expectNothingLeft(before));

describe('the command line', () => {
  test.each<[string, string[], RegExp]>([
    ['no command', [], /^Usage: tsbox .*\bCommands:\n {2}run /s],
    ['an unknown command', ['teapot'], /^error: unknown command 'teapot'\n/],
    ['help for an unknown command', ['teapot', '--help'], /^error: unknown command 'teapot'\n/],
    ['help of an unknown command', ['help', 'teapot'], /^error: unknown command 'teapot'\n/],
    ['help for one below', ['seccomp', 'teapot', '-h'], /^error: unknown command 'teapot'\n/],
    ['a word too much', ['doctor', 'teapot'], /^error: too many arguments for 'doctor'/],
    ['an image too much', ['bench', 'busybox', 'teapot'], /^error: too many arguments for 'bench'/],
    ['an empty command', ['run', 'busybox', '--', ''], /^tsbox: no command to run/],
    ['an unknown form of --timing', ['run', '--timing=xml', ...workload], /'--timing=xml'/],
    ['--debug before the command', ['--debug', 'run', ...workload], /unknown option '--debug'/],
    ...['tsbox', ...commands].map((name): [string, string[], RegExp] => [
      `an unknown flag of ${name}`,
      name === 'tsbox' ? ['--teapot'] : [name, '--teapot'],
      /^error: unknown option '--teapot'/,
    ]),
    ...['--memory', '-v', '--rootfs', '--timing-file'].map((flag): [string, string[], RegExp] => [
      `${flag} without its value`,
      ['run', flag],
      new RegExp(`^error: option '.*${flag}\\b.*' argument missing\n`),
    ]),
    ...shared.flatMap((name): [string, string[], RegExp][] => [
      [`no image for ${name}`, [name], /^error: no IMAGE given: .*\nusage: tsbox (\w+) .*IMAGE/],
      [`no command for ${name}`, [name, 'busybox'], /^error: no COMMAND given: .*\nusage: tsbox /],
      [`--rootfs and no command for ${name}`, [name, '--rootfs', '/'], /^error: no COMMAND given/],
    ]),
  ])('%s', (_, words, message) => {
    expectRefusal(tsbox(words), message);
  });
});

describe('the image', () => {
  const places: [string, string[], RegExp][] = [
    ['not there', ['teapot'], /^tsbox: no image teapot: images in \S+: busybox.*\.\/DIR\n$/],
    ['not a name', ['Tea Pot'], /^tsbox: image "Tea Pot": not a name: .*\.\/Tea Pot\n$/],
    ['empty', [''], /^tsbox: image "": not a name: /],
    ['a directory that is not there', ['./teapot'], /^tsbox: no root file system \.\/teapot: /],
    [
      'a file',
      ['--rootfs', '/etc/passwd', '--'],
      /^tsbox: no root file system \/etc\/passwd: .*not a directory/,
    ],
    [
      '--rootfs that is not there',
      ['--rootfs', '/no/such', '--'],
      /^tsbox: no root file system \/no\/such: /,
    ],
  ];
  test.each(
    shared.flatMap((name) =>
      places.map(([what, ...rest]) => [`${what}, for ${name}`, name, ...rest] as const),
    ),
  )('%s', (_, name, image, message) => {
    expectRefusal(tsbox([name, ...image, 'true']), message);
  });

  test('none is there yet: the message tells how to get one', () => {
    const env = { PATH: process.env.PATH, TSBOX_DATA: '/no/such' };
    const result = tsboxFor({ env }, ['run', ...workload]);
    expectRefusal(
      result,
      /^tsbox: no image busybox: images in \/no\/such\/images: none yet; `npm run setup`/,
    );
  });
});

describe('unknown flags are told together, each with the nearest name, and with bad values', () => {
  const none = (name: string, flag = '--teapot') =>
    `unknown option '${flag}': \`tsbox ${name} --help\` lists all`;
  const memory = "unknown option '--memroy': is --memory meant?";
  const bad = (flag: string) => `${flag}: not a`;

  test.each<[string, string, readonly string[]]>([
    ['run', '--memroy 5m --teapot --cpus x busybox true', [memory, none('run'), bad('--cpus x')]],
    [
      'explain',
      '--teapot -m x --memroy 5m busybox -- true',
      [none('explain'), memory, bad('--memory x')],
    ],
    ['compare', '--teapot --memroy 5m busybox true', [none('compare'), memory]],
    ['seccomp record', '--teapot -o x busybox true', [none('seccomp record')]],
    ['run', '--vm --teapot busybox true --memroy', [none('run')]],
    ['run', '--teapot kettle -i busybox true', [none('run')]],
    [
      'run',
      '-q --detach-keys xy -u 1:2:3 busybox true',
      [none('run', '-q'), '--detach-keys xy: xy is not one', '--user 1:2:3: not of the form'],
    ],
    ['run', '--cpus x -u nosuch teapot true', [bad('--cpus x'), 'no image teapot: ']],
    [
      'run',
      '--rm -d busybox true',
      ["unknown option '--rm': nothing is left", "unknown option '-d': tsbox ends with its box"],
    ],
    [
      'run',
      '--network none --network host busybox true',
      ['--network host: a box is on one network, and none is given'],
    ],
    [
      'run',
      '--init=yes busybox true',
      ["unknown option '--init=yes': --init takes no value but true and false"],
    ],
    [
      'run',
      '--timing=xml busybox true',
      ["unknown option '--timing=xml': --timing, --timing=text, --timing=json are known"],
    ],
    [
      'run',
      '--security-opt seccomp=/no/such -m x busybox true',
      ['--security-opt seccomp=/no/such: ENOENT', bad('--memory x')],
    ],
  ])('%s %s', (name, flags, expected) => {
    const result = tsbox([...name.split(' '), ...flags.split(' ')]);
    expectRefusal(result, /^(tsbox: .*\n)+$/);
    const lines = result.stderr.trim().split('\n');
    expect(lines).toEqual(expected.map((text) => expect.stringMatching(textAt(`tsbox: ${text}`))));
  });

  test.each([
    ['--teapot busybox', /^error: unknown option '--teapot': .*\nerror: no COMMAND given/],
    [
      '--teapot --memory',
      /^error: unknown option '--teapot': .*\nerror: option '-m, --memory <amount>' argument missing\n/,
    ],
  ])('run %s', (words, message) => {
    expectRefusal(tsbox(['run', ...words.split(' ')]), message);
  });

  test('a command that begins with a hyphen is no flag', () => {
    const result = tsbox(['run', '--rootfs', '/no/such', '--', '--teapot']);
    expectRefusal(result, /^tsbox: no root file system \/no\/such/);
  });
});

const textAt = (text: string) => new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);

describe('two things at once are told both, in lines of their own', () => {
  test.each(['run', 'explain', 'run --vm'])('bad flags of %s', (name) => {
    const flags = ['--memory', 'much', '--cpus', 'many', '-v', 'nowhere', '--umask', '9'];
    const result = tsbox([...name.split(' '), ...flags, ...workload]);
    expectRefusal(result, /^(tsbox: --\S+ \S+: .*\n){4}$/);
    for (const words of ['memory much', 'cpus many', 'volume nowhere', 'umask 9'])
      expect(result.stderr).toContain(`tsbox: --${words}: `);
  });

  const unkept = tsbox(['run', '--memory', '64m', '--cpus', '1', ...workload]);
  test('limits that this host cannot keep', () => {
    if (unkept.status === 0) expect(unkept.stderr).toBe('');
    else expectRefusal(unkept, /^tsbox: --memory needs .*\ntsbox: --cpus needs .*\n$/);
  });
});

test('without root, run says what an ordinary user cannot have', () => {
  const result = tsboxFor(nobody, ['run', '-u', '5', '--userns', 'keep-id', ...workload]);
  expectRefusal(result, /^tsbox: --user 5: the box has no user with id 5: .*usermod.*\n$/);
});

test.each(shared)('%s: a volume that is not there', (name) => {
  const result = tsbox([name, '-v', '/no/such:/v', ...workload]);
  if (name === 'compare') expect(result).toMatchObject({ status: 1, stderr: '' });
  else expectRefusal(result, /^tsbox: .*\/no\/such: ENOENT/);
});

test('--debug behind the command is the workload’s', () => {
  const run = (word: string) => tsbox(['run', '-w', '/no/such', 'busybox', '--', 'echo', word]);
  expect(run('--debug').stderr).toBe(run('word').stderr);
});

describe('what was asked for', () => {
  test.each([
    ['--help', /^Usage: tsbox \[options\] \[command\]\n/],
    ['-h', /^Usage: tsbox \[options\] \[command\]\n/],
    ['help', /^Usage: tsbox \[options\] \[command\]\n/],
    ...commands.map((name) => [`${name} --help`, new RegExp(`^Usage: tsbox ${name} `)] as const),
    ...commands.map((name) => [`help ${name}`, new RegExp(`^Usage: tsbox ${name} `)] as const),
    ['--version', new RegExp(`^${packageFile.version.replaceAll('.', '\\.')}\n$`)],
  ] as const)('%s is printed on standard output, and is no error', (words, text) => {
    const result = tsbox(words.split(' '));
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(text);
  });

  test('--help lists every command', () => {
    const names = [...tsbox(['--help']).stdout.matchAll(/^ {2}(\w+) \[/gm)].map(([, name]) => name);
    expect(names).toEqual([...commands, 'help']);
  });

  const short = ['bench', '--runs=1', '--warmup=0', '--subjects=host process'];
  test.each([
    ['doctor', ['doctor']],
    ['bench', short],
    ['explain', ['explain', ...workload]],
  ])('%s: a full disk is told without a stack trace, and is no fault of tsbox', (_, words) => {
    const stdout = openSync('/dev/full', 'w');
    const result = tsboxFor({ stdout }, words);
    closeSync(stdout);
    expectRefusal(result, /ENOSPC/);
  });
});

function expectRefusal(result: Result, message: RegExp): void {
  expect(result.stderr).toMatch(message);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).not.toMatch(/^ +at |fault of tsbox|undefined|\[object/m);
}

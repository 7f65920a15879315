/** `tsbox qemu`, and the QEMU that a micro-VM runs on: which there are, which is used, and one that cannot be. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type Result, tsbox } from '../host/tsbox.ts';
import { newDirectory, program } from './caller.ts';
import { dataWith, qemu52, withoutMicrovm } from './old-qemu.ts';
import { sourcePackage } from './source-package.ts';

function caller(qemus: Readonly<Record<string, string>> = {}, more: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, TSBOX_DATA: dataWith(newDirectory(), qemus), ...more };
  return (...words: string[]): Result => tsbox(words, '', env);
}

/** The cells of each row behind the first, by name. */
function rows({ stdout }: Result): Record<string, string[]> {
  const lines = stdout.trimEnd().split('\n').slice(1);
  return Object.fromEntries(
    lines.map((line) => {
      const [mark, name = '', ...cells] = line.split(/ {2,}/);
      return mark === '*' || mark === '' ? [name, [mark, ...cells]] : [mark, ['', name, ...cells]];
    }),
  );
}

const expectFailure = (result: Result, message: RegExp) => {
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(message);
};

test('ls shows what each has, and which one is used', () => {
  const ls = caller({ old: qemu52, broken: 'echo "no such library" >&2; exit 127' })('qemu', 'ls');
  expect(ls).toMatchObject({ status: 0, stderr: '' });
  const found = rows(ls);
  expect(found.distribution?.slice(0, 3)).toEqual(['*', expect.stringMatching(/^\d/), 'dynamic']);
  for (const feature of ['microvm', 'tcg', 'sandbox', 'stream', 'vhost-user-fs'])
    expect(found.distribution?.[3]?.split(' ')).toContain(feature);
  expect(found.old?.slice(0, 4)).toEqual(['', '5.2.0', 'dynamic', 'microvm kvm tcg sandbox']);
  expect(found.broken?.slice(0, 4)).toEqual(['', '-', '-', 'does not run']);
});

test('use has one used, until another one is; one that is not there is named with those that are', () => {
  const call = caller({ old: qemu52 });
  expect(call('qemu', 'use', 'old')).toEqual({ status: 0, stdout: 'old\n', stderr: '' });
  expect(rows(call('qemu', 'ls')).old?.[0]).toBe('*');
  expectFailure(
    call('qemu', 'use', 'teapot'),
    /^tsbox: there is no QEMU "teapot"; there are: auto, distribution, (microvm, )?old\n$/,
  );
  expect(rows(call('qemu', 'ls')).old?.[0]).toBe('*');
  expect(call('qemu', 'use', 'auto').status).toBe(0);
  expect(rows(call('qemu', 'ls')).distribution?.[0]).toBe('*');
});

test('what a QEMU has said is known until its file changes', () => {
  const data = dataWith(newDirectory(), { counted: `echo asked >>"$0.asked"${qemu52}` });
  const env = { ...process.env, TSBOX_DATA: data };
  const [directory, name] = [
    join(data, 'qemus/counted'),
    process.arch === 'arm64' ? 'aarch64' : 'x86_64',
  ];
  const file = join(directory, `qemu-system-${name}`);
  const asked = () => {
    tsbox(['qemu', 'ls'], '', env);
    return readFileSync(`${file}.asked`, 'utf8').split('\n').length - 1;
  };
  expect(asked()).toBe(1);
  expect(asked()).toBe(1);
  utimesSync(file, 1, 1);
  expect(asked()).toBe(2);
});

describe('a micro-VM is refused', () => {
  const run = ['run', '--vm', 'busybox', '--', 'true'];
  const uses = (name: string, script: string) => {
    const call = caller({ [name]: script });
    expect(call('qemu', 'use', name).status).toBe(0);
    return call;
  };

  test('by a QEMU that is too old for what it takes', () => {
    const call = uses('old', qemu52);
    expectFailure(
      call('run', '--vm', '-v', '/tmp:/v', 'busybox', '--', 'true'),
      /^tsbox: QEMU 5\.2\.0 \(old, \/.*\) cannot run this micro-VM: it lacks the device vhost-user-fs, .*: `tsbox qemu use auto` has/m,
    );
  });

  test('by one that has not the machine', () => {
    expectFailure(uses('ancient', withoutMicrovm)(...run), /it lacks the machine "microvm": /);
  });

  test.each([
    ['exit 0', 'it gave no answer'],
    ['echo "no such library" >&2; exit 127', 'no such library'],
    ['echo "{}"; echo "this is no QMP"', 'it gave no answer'],
  ])('by what is no QEMU: %s', (script, why) => {
    const pattern = `^tsbox: QEMU cannot be used: /.* was asked what it can do: .*${why}`;
    expectFailure(uses('wrong', script)(...run), new RegExp(pattern, 'm'));
  });

  test('where the one that is to be used is gone', () => {
    const data = dataWith(newDirectory(), { old: qemu52 });
    const env = { ...process.env, TSBOX_DATA: data };
    tsbox(['qemu', 'use', 'old'], '', env);
    rmSync(join(data, 'qemus/old'), { recursive: true });
    expectFailure(
      tsbox(run, '', env),
      /QEMU old, which `tsbox qemu use` has chosen, is no longer in .*`tsbox qemu use auto`/,
    );
  });

  test('doctor says so, too', () => {
    const call = uses('ancient', withoutMicrovm);
    const { checks } = JSON.parse(call('doctor', '--json').stdout);
    expect(checks.find((check: { name: string }) => check.name === 'QEMU')).toMatchObject({
      status: 'missing',
      why: expect.stringContaining('lacks the machine "microvm"'),
      mend: expect.stringContaining('tsbox qemu ls'),
    });
  });
});

describe.runIf(process.arch === 'x64')('build', () => {
  /** apt with no other places than a directory with the source package of a small program. */
  function builder(version: string, sabotage = '') {
    const directory = newDirectory();
    const temporary = join(directory, 'tmp');
    mkdirSync(temporary);
    const APT_CONFIG = sourcePackage(directory, version, sabotage);
    const data = dataWith(newDirectory(), {});
    const env = { ...process.env, TSBOX_DATA: data, APT_CONFIG, TMPDIR: temporary };
    return {
      data,
      temporary,
      env,
      call: (...words: string[]): Result => tsbox(words, '', env),
      qemus: () => (existsSync(join(data, 'qemus')) ? readdirSync(join(data, 'qemus')) : []),
    };
  }

  test('makes one of the source package, once, records how, and leaves nothing else', () => {
    const { data, temporary, call, qemus } = builder('1:9.8+dfsg-7');
    const built = call('qemu', 'build');
    expect(built.stderr).toMatch(/qemu: QEMU 9\.8\.7 is in .*\/qemus\/static-9\.8\+dfsg-7\n$/);
    expect(built).toMatchObject({ status: 0, stdout: 'static-9.8+dfsg-7\n' });
    expect(qemus()).toEqual(['static-9.8+dfsg-7']);
    expect(readdirSync(temporary)).toEqual([]);
    const directory = join(data, 'qemus/static-9.8+dfsg-7');
    expect(readdirSync(directory)).toEqual(['build.json', 'firmware', 'qemu-system-x86_64']);
    expect(JSON.parse(readFileSync(join(directory, 'build.json'), 'utf8'))).toEqual({
      version: '9.8.7',
      source: 'qemu 1:9.8+dfsg-7',
      compiler: expect.stringContaining('cc'),
      options: expect.arrayContaining(['--static', '--enable-tcg', '--enable-kvm']),
      devices: expect.arrayContaining(['CONFIG_MICROVM=y']),
      recipe: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const again = call('qemu', 'build', '--version', '9.8+dfsg-7');
    expect(again).toMatchObject({ status: 0, stdout: 'static-9.8+dfsg-7\n' });
    expect(again.stderr).toContain('is there\n');
    expect(again.stderr).not.toContain('configuring');
  });

  test('a version that is not to be had is named with those that are', () => {
    const { call, qemus } = builder('1:9.8+dfsg-7');
    expectFailure(
      call('qemu', 'build', '--version', '7.2'),
      /there is no version 7\.2 of the source package "qemu"; there are: 1:9\.8\+dfsg-7\n[\s\S]*tsbox: QEMU was not built/,
    );
    expect(qemus()).toEqual([]);
  });

  test('what fails is said with its last lines, and nothing is left', () => {
    const { call, qemus, temporary } = builder('1:9.8-1', 'echo "no pixman here" >&2; exit 1');
    expectFailure(
      call('qemu', 'build'),
      /no pixman here\nqemu: this failed: \.\.\/source\/configure .*\ntsbox: QEMU was not built/,
    );
    expect([qemus(), readdirSync(temporary)]).toEqual([[], []]);
  });

  test('without a place for source packages it is said which lines are taken', () => {
    const directory = newDirectory();
    const APT_CONFIG = join(directory, 'apt.conf');
    writeFileSync(
      APT_CONFIG,
      `Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "${directory}";\n`,
    );
    expectFailure(
      caller({}, { APT_CONFIG })('qemu', 'build'),
      /no source package "qemu" is to be had\.\nqemu: .*"deb-src" in sources\.list\(5\)/,
    );
  });

  test('packages that are missing are named with how to install them', () => {
    const directory = newDirectory();
    const query = join(directory, 'dpkg-query');
    writeFileSync(
      query,
      '#!/bin/sh\ncase $4 in meson | libfdt-dev) exit 1 ;; *) printf installed ;; esac\n',
      {
        mode: 0o755,
      },
    );
    expectFailure(
      caller({}, { PATH: `${directory}:${process.env.PATH}` })('qemu', 'build'),
      /not installed: meson libfdt-dev\nqemu: Install them as root: {2}apt-get install --no-install-recommends meson libfdt-dev\n/,
    );
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s ends it, and leaves nothing',
    async (signal) => {
      const { env, temporary, qemus } = builder('1:9.8-1', 'sleep 30');
      const child = spawn(program, ['qemu', 'build'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = once(child, 'close');
      for await (const chunk of child.stderr) if (`${chunk}`.includes('configuring')) break;
      expect(readdirSync(temporary)).toHaveLength(1);
      child.kill(signal);
      expect((await ended).includes(0)).toBe(false);
      await vi.waitFor(() => expect([qemus(), readdirSync(temporary)]).toEqual([[], []]));
    },
  );
});

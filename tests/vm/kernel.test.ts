/** Several kernels side by side: which of them a micro-VM has, and what is none. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { listKernels } from '../../src/vm/kernels.ts';
import { eachLeavesNothing, tsbox } from '../host/tsbox.ts';

const data = dataDirectory(process.env, 0);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const own = join(scratch, 'data');
const kernels = join(own, 'kernels');
const env = { ...process.env, TSBOX_DATA: own };
mkdirSync(kernels, { recursive: true });
symlinkSync(join(data, 'images'), join(own, 'images'));
const there = listKernels(data).map(({ name }) => name);
/** Where results are noted beside it, a kernel must be one's own. */
for (const name of there)
  cpSync(join(data, 'kernels', name), join(kernels, name), { recursive: true });
const current = basename(realpathSync(join(data, 'kernels/current')));
symlinkSync(current, join(kernels, 'current'));

eachLeavesNothing();

const kernel = (...words: readonly string[]) => tsbox(['kernel', ...words], '', env);
const release = (...flags: readonly string[]) =>
  tsbox(['run', '--vm', ...flags, 'busybox', '--', 'uname', '-r'], '', env);

test.each(there)('a micro-VM has the kernel %s, cold and from a template', (name) => {
  const version = listKernels(own).find((each) => each.name === name)?.version ?? 'none';
  for (const mode of ['never', 'auto', 'always']) {
    const { status, stdout } = release('--kernel', name, '--snapshot', mode);
    expect(status).toBe(0);
    expect(stdout).toContain(version.split('.').slice(0, 2).join('.'));
  }
});

test('ls shows what each has; use has another one used, and measures it', () => {
  expect(kernel('ls').stdout).toMatch(new RegExp(`^\\*  ${current} .* not measured `, 'm'));
  const name = there.find((each) => each !== current) ?? current;
  expect(kernel('use', name)).toMatchObject({ status: 0, stdout: `${name}\n` });
  expect(readlinkSync(join(kernels, 'current'))).toBe(name);
  expect(kernel('ls').stdout).toMatch(
    new RegExp(`^\\*  ${name} .* \\d+ ms \\(tcg|kvm, QEMU `, 'm'),
  );
  expect(kernel('use', 'nobody')).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('no kernel "nobody" in'),
  });
  expect(readlinkSync(join(kernels, 'current'))).toBe(name);
});

const debian = there.find((name) => name.includes('cloud')) ?? current;

test('import takes in a package of the distribution’s, with its drivers', () => {
  const [version, tree] = ['9.9.9-test', join(scratch, 'tree')];
  const [from, modules] = [join(data, 'kernels', debian), join(tree, 'lib/modules', version)];
  for (const directory of [modules, join(tree, 'boot'), join(tree, 'DEBIAN')])
    mkdirSync(directory, { recursive: true });
  cpSync(join(from, 'modules'), modules, { recursive: true });
  for (const file of ['vmlinuz', 'config'])
    cpSync(join(from, file), join(tree, `boot/${file}-${version}`));
  const fields = 'Package: linux-image-test\nVersion: 1\nArchitecture: all\nMaintainer: nobody\n';
  writeFileSync(join(tree, 'DEBIAN/control'), `${fields}Description: a kernel\n`);
  const file = join(scratch, 'linux-image.deb');
  execFileSync('dpkg-deb', ['-Znone', '--build', tree, file], { stdio: 'ignore' });
  expect(kernel('import', file)).toMatchObject({ status: 0, stdout: `${version}\n` });
  expect(release('--kernel', version).status).toBe(0);
});

test.each(there.filter((name) => name === 'tsbox'))('import takes in the vmlinux of %s', (name) => {
  const file = join(data, 'kernels', name, 'vmlinux');
  expect(kernel('import', file, '--name', 'again')).toMatchObject({ status: 0, stdout: 'again\n' });
  expect(release('--kernel', 'again').status).toBe(0);
});

test('a kernel that does not come up, for want of its drivers, is not taken in', () => {
  const { status, stderr } = kernel('import', join(data, 'kernels', debian, 'vmlinuz'));
  expect(status).toBe(125);
  expect(stderr).toContain('did not come up');
  expect(listKernels(own).map(({ name }) => name)).not.toContain('vmlinuz');
});

test.each<[string, string | Buffer, RegExp]>([
  ['a text', 'this is no kernel\n'.repeat(100), /cannot be booted by QEMU: it is neither/],
  ['an empty file', '', /cannot be booted by QEMU: it is neither/],
  ['a program', Buffer.alloc(0), /it has no PVH note, by which QEMU enters/],
])('%s is no kernel', (what, content, message) => {
  const file = join(scratch, 'file');
  writeFileSync(file, content);
  const { status, stderr } = kernel(
    'import',
    what === 'a program' ? '/bin/busybox' : file,
    '--name',
    'x',
  );
  expect(status).toBe(125);
  expect(stderr).toMatch(message);
  expect(listKernels(own).map(({ name }) => name)).not.toContain('x');
});

test.each<[readonly string[], RegExp]>([
  [
    ['run', '--vm', '--kernel', 'nobody', 'busybox', 'true'],
    /--kernel nobody: there is no such guest kernel in .*tsbox kernel ls/,
  ],
  [
    ['run', '--vm', '--kernel', '../x', 'busybox', 'true'],
    /--kernel \.\.\/x: there is no such guest kernel/,
  ],
  [
    ['run', '--kernel', 'x', 'busybox', 'true'],
    /--kernel x without --vm: a container has the host's/,
  ],
  [['kernel', 'import', '/nowhere'], /\/nowhere cannot be read: ENOENT/],
  [['kernel', 'import', '/bin/busybox', '--name', '../x'], /a kernel cannot be called "\.\.\/x"/],
])('%j: why not', (words, message) => {
  const { status, stderr } = tsbox(words, '', env);
  expect(status).toBe(125);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
});

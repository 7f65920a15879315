import { expect, test } from 'vitest';
import { type ErrnoName, errnoNumber } from '../../src/abi/errno.ts';
import { HERE } from '../../src/plan/arguments.ts';
import { chdir, execve, setsid, umask } from '../../src/plan/calls.ts';
import { fsmount, fsopen, mount, mountSetattr, openTree } from '../../src/plan/mount-calls.ts';
import { planFaults, type Report } from '../../src/plan/report.ts';
import { type Step, step } from '../../src/plan/step.ts';
import type { Refusal, Refused } from '../../src/sandbox/refusal.ts';
import { failureOf } from '../../src/sandbox/step-failure.ts';

/** A report of steps with these results, the last of which was begun last. */
function report(state: Report['state'], ...results: (ErrnoName | 'ok')[]): Report {
  const entries = results.map((name) => ({
    end: 1n,
    result: name === 'ok' ? 0n : BigInt(-errnoNumber(name)),
  }));
  const last = results.at(-1) ?? 'ok';
  const error = last === 'ok' ? 0 : errnoNumber(last);
  return { state, step: results.length - 1, error, reason: '', started: 0n, ended: 1n, entries };
}

const failure = (error: ErrnoName, hint?: string) =>
  failureOf(
    [step(setsid(), 'first'), step(chdir('/w'), 'the working directory', hint ? { hint } : {})],
    report('failed', 'ok', error),
  );

test('a plan that was carried out did not fail', () => {
  expect(failureOf([step(umask(0), '')], report('running', 'ok'))).toBeUndefined();
});

test('no report at all', () => {
  expect(failureOf([], undefined)).toMatchObject({
    exitCode: 125,
    message: 'tsbox-init ended before it began: see --debug and `tsbox doctor`',
  });
});

test.each([...planFaults.entries()].slice(1))('a plan that is refused: %d, %s', (error, fault) => {
  expect(failureOf([], { ...report('refused'), error })).toMatchObject({
    exitCode: 125,
    message: `tsbox-init refused the plan: ${fault}: this is a fault of tsbox, please report it`,
  });
});

test('a fault that has no name is told by its number', () => {
  const { message } = failureOf([], { ...report('refused'), error: 99 }) ?? {};
  expect(message).toContain('refused the plan: 99:');
});

test('a step that the plan does not have', () => {
  expect(failureOf([step(umask(0), '')], report('failed', 'ok', 'EPERM'))).toMatchObject({
    exitCode: 125,
    message: 'tsbox-init reported a step that does not exist',
  });
});

test('a step that failed: what, with which arguments, why it is made', () => {
  expect(failure('ENOENT')).toMatchObject({
    exitCode: 125,
    message: [
      'chdir failed: ENOENT (no such file or directory)',
      '  call: chdir("/w")',
      '  why it is made: the working directory',
    ].join('\n'),
    detail: 'chdir("/w")',
  });
});

test('what the kernel said of a step is told', () => {
  const told = { ...report('failed', 'EINVAL'), reason: 'tmpfs: one\ntmpfs: two' };
  expect(failureOf([step(chdir('/w'), 'why')], told)?.message).toBe(
    [
      'chdir failed: EINVAL (invalid argument)',
      '  the kernel says: tmpfs: one; tmpfs: two',
      '  call: chdir("/w")',
      '  why it is made: why',
    ].join('\n'),
  );
});

test('what a step itself says to do is told, and nothing is guessed', () => {
  expect(failure('EPERM')?.message).not.toContain('what to do');
  expect(failure('EPERM', 'the step’s own advice')?.message).toMatch(
    /what to do: the step’s own advice$/,
  );
});

const adopt = { into: 'm' };
test.each<[string, readonly Step[], Partial<Refusal>]>([
  [
    'the source of a mount',
    [step(openTree(HERE, '/v', ['OPEN_TREE_CLONE']), '', adopt)],
    { call: 'open_tree', path: '/v' },
  ],
  [
    'the source of a mount that is changed',
    [
      step(openTree(HERE, '/v', ['OPEN_TREE_CLONE']), '', adopt),
      step(mountSetattr('m', ['MOUNT_ATTR_NODEV'], 'recursive'), ''),
    ],
    { call: 'mount_setattr', path: '/v', attributes: ['MOUNT_ATTR_NODEV'] },
  ],
  [
    'no path of another directory’s',
    [step(openTree('root', 'v', ['OPEN_TREE_CLONE']), '', adopt)],
    { call: 'open_tree' },
  ],
  [
    'the source of a mount by its path',
    [step(mount('/v', '/t', undefined, ['MS_BIND']), '')],
    { call: 'mount', path: '/v' },
  ],
  [
    'the source of a mount that is changed by its path',
    [
      step(mount('/v', '/t', undefined, ['MS_BIND']), ''),
      step(mount('none', '/t', undefined, ['MS_REMOUNT', 'MS_BIND', 'MS_NOATIME']), ''),
    ],
    { call: 'mount', path: '/v', attributes: ['MOUNT_ATTR_NOATIME'] },
  ],
  ['a type', [step(mount('proc', '/t', 'proc', []), '')], { call: 'mount', fileSystem: 'proc' }],
  ['the type that is opened', [step(fsopen('proc'), '')], { call: 'fsopen', fileSystem: 'proc' }],
  [
    'the type of a context',
    [step(fsopen('proc'), '', adopt), step(fsmount('m', []), '')],
    { call: 'fsmount', fileSystem: 'proc' },
  ],
  ['nothing else', [step(chdir('/v'), '')], { call: 'chdir' }],
])('the probes are told %s', (_, steps, refusal) => {
  const before = steps.slice(1).map(() => 'ok' as const);
  const error = failureOf(steps, report('failed', ...before, 'EPERM'));
  expect((error as Refused).refusal).toEqual({ errno: errnoNumber('EPERM'), ...refusal });
});

test('a long call is cut, and shown whole with --debug', () => {
  const path = `/${'x'.repeat(400)}`;
  const { message = '', detail } =
    failureOf([step(chdir(path), 'why')], report('failed', 'ENOENT')) ?? {};
  expect(/call: (.*)/.exec(message)?.[1]).toBe(`chdir("/${'x'.repeat(292)} …`);
  expect(detail).toBe(`chdir("${path}")`);
});

const absent = '(or its interpreter or loader is missing there)';
const regular =
  'it must be a regular file with execute permission for the user, not on a noexec mount';
test.each<[string, ErrnoName[], number, string]>([
  ['/x', ['ENOENT'], 127, `command not found: /x: no such file in the box ${absent}`],
  ['/a/x', ['ENOTDIR'], 127, `command not found: /a/x: no such file in the box ${absent}`],
  [
    '/a/x /b/x',
    ['ENOENT', 'ENOTDIR'],
    127,
    `command not found: x: in no directory of its PATH ${absent}`,
  ],
  ['/x', ['EACCES'], 126, `cannot execute /x: EACCES (permission denied): ${regular}`],
  [
    '/a/x /b/x',
    ['EACCES', 'ENOENT'],
    126,
    `cannot execute /a/x: EACCES (permission denied): ${regular}`,
  ],
  [
    '/x',
    ['ENOEXEC'],
    126,
    'cannot execute /x: ENOEXEC (exec format error): it is for another architecture, or a script without #!',
  ],
  [
    '/a/x /b/x',
    ['ENOENT', 'E2BIG'],
    126,
    'cannot execute /b/x: E2BIG (argument list too long): see execve(2)',
  ],
  [
    '/a/x /b/x',
    ['ELOOP'],
    126,
    'cannot execute /a/x: ELOOP (too many levels of symbolic links): see execve(2)',
  ],
])('execve of %s with %j is %d', (paths, errors, exitCode, message) => {
  const tries = paths.split(' ').map((path): Step => step(execve(path, ['x'], []), 'the workload'));
  const steps = [step(umask(0), ''), ...tries];
  expect(failureOf(steps, report('failed', 'ok', ...errors))).toMatchObject({ exitCode, message });
});

test('--debug shows every path at which a command was looked for', () => {
  const tries = ['/a/x', '/b/x'].map((path) => step(execve(path, ['x'], []), 'the workload'));
  expect(failureOf(tries, report('failed', 'ENOENT', 'ENOENT'))?.detail).toBe('/a/x\n/b/x');
});

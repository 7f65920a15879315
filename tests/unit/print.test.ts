import { expect, test } from 'vitest';
import { type HostAction, printAction } from '../../src/plan/action.ts';
import { HERE } from '../../src/plan/arguments.ts';
import * as calls from '../../src/plan/calls.ts';
import { supervise } from '../../src/plan/machine-calls.ts';
import * as mountCalls from '../../src/plan/mount-calls.ts';
import { printSections, printStep, printWithReason } from '../../src/plan/print.ts';
import { type Call, type Step, step } from '../../src/plan/step.ts';

test.each<[Call, string]>([
  [calls.setsid(), 'setsid()'],
  [calls.fchdir('root'), 'fchdir(root)'],
  [calls.chdir('/a "b"\n'), 'chdir("/a \\"b\\"\\n")'],
  [calls.umask(0o22), 'umask(022)'],
  [calls.closeRange(3), 'close_range(3, ~0U, 0)'],
  [calls.closeOnExec(5), 'fcntl(5, F_SETFD, FD_CLOEXEC)'],
  [calls.mkdirat(HERE, 'a', 0o755), 'mkdirat(AT_FDCWD, "a", 0755)'],
  [calls.read('watch', 4096), 'read(watch, …, 4096)'],
  [
    mountCalls.mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']),
    'mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL)',
  ],
  [mountCalls.mount('a', '/b', 'tmpfs', [], 'x=1'), 'mount("a", "/b", "tmpfs", 0, "x=1")'],
  [
    calls.openat2('x64', 'root', 'a', ['O_PATH'], ['RESOLVE_IN_ROOT'], 0o644),
    'openat2(root, "a", {flags=O_PATH, mode=0644, resolve=RESOLVE_IN_ROOT}, 24)',
  ],
  [calls.setgroups([1, 2]), 'setgroups(2, [1, 2])'],
  [
    calls.prlimit('RLIMIT_CORE', 0n, 2n ** 64n - 1n),
    'prlimit64(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=18446744073709551615}, NULL)',
  ],
  [calls.execve('/a', ['a', '-b c'], []), 'execve("/a", ["a", "-b c"], [])'],
  [
    supervise(['CLONE_NEWPID', 'CLONE_NEWNS'], undefined, 'hosts'),
    'supervise(CLONE_NEWPID|CLONE_NEWNS, 0, hosts)',
  ],
])('a call is printed as strace(1) would: %#', (call, line) => {
  expect(printStep(step(call, 'why'))).toBe(line);
});

test.each<[Partial<Step>, string]>([
  [{ into: 'a' }, 'setsid() = a'],
  [{ accept: ['EEXIST'] }, 'setsid()  [or EEXIST]'],
  [{ accept: ['ENOENT', 'ENOTDIR'] }, 'setsid()  [or ENOENT, ENOTDIR]'],
  [{ needs: 'a' }, 'setsid()  [if a]'],
  [{ unless: 'a' }, 'setsid()  [unless a]'],
  [{ into: 'a', accept: ['EPERM'], needs: 'b' }, 'setsid() = a  [or EPERM]  [if b]'],
])('the use of a result: %j', (more, line) => {
  expect(printStep(step(calls.setsid(), 'why', more))).toBe(line);
});

const REASON_COLUMN = 78;
test.each([
  ['', `${' '.repeat(78)} # why`],
  ['short', `short${' '.repeat(73)} # why`],
  ['x'.repeat(77), `${'x'.repeat(77)}  # why`],
  ['x'.repeat(78), `${'x'.repeat(78)}\n${' '.repeat(78)} # why`],
])('a reason stands in its column: beside %j or below it', (call, printed) => {
  expect(printWithReason(call, 'why')).toBe(printed);
  expect(printed.split('\n').at(-1)?.indexOf(' # why')).toBe(REASON_COLUMN);
});

test('sections stand apart, each under its title', () => {
  const one = { title: 'One', steps: [step(calls.setsid(), 'a'), step(calls.umask(0), 'b')] };
  const two = { title: 'Two', steps: [step(calls.fchdir('root'), 'c')] };
  const squeezed = printSections([one, two]).replaceAll(/ +# /g, ' # ');
  expect(squeezed).toBe('## One\nsetsid() # a\numask(00) # b\n\n## Two\nfchdir(root) # c\n');
  expect(printSections([])).toBe('');
});

test.each<[HostAction, string]>([
  [{ call: 'mkdir', path: '/a b', why: '' }, 'mkdir("/a b")'],
  [{ call: 'rmdir', path: '/a', why: '' }, 'rmdir("/a")'],
  [{ call: 'write', path: '/a', data: '0 1 2\n', why: '' }, 'write("/a", "0 1 2\\n")'],
  [{ call: 'copy', path: '/a', to: '/b', why: '' }, 'copy("/a", "/b")'],
  [
    { call: 'idmap', path: '/a', reach: 'recursive', why: '' },
    'open_tree(AT_FDCWD, "/a", OPEN_TREE_CLONE|AT_RECURSIVE), mount_setattr(…, {attr_set=MOUNT_ATTR_IDMAP, propagation=MS_PRIVATE, userns_fd=…})',
  ],
])('an action on the host: $call', (action, line) => {
  expect(printAction(action)).toBe(line);
});

/** The order of a plan's steps that its isolation depends on. */
import { expect, test } from 'vitest';
import { encodePlan } from '../../src/plan/encode.ts';
import type { Step } from '../../src/plan/step.ts';
import { everyPlan, indexesOf, isCall, isPrctl, makes, slotsIn, text } from './any-box.ts';

const printBig = (_: string, value: unknown) => (typeof value === 'bigint' ? '' : value);

type Matcher = (step: Step) => boolean;

/** There are both, and every one of the first comes before every one of the second. */
function expectOrder(steps: readonly Step[], first: Matcher, second: Matcher): void {
  const [last = steps.length, [next = -1]] = [
    indexesOf(steps, first).at(-1),
    indexesOf(steps, second),
  ];
  expect(last).toBeLessThan(next);
}

const mounts = isCall(
  'mount',
  'fsopen',
  'fsconfig',
  'fsmount',
  'open_tree',
  'move_mount',
  'mount_setattr',
);

test('the root changes once, after everything is mounted', () => {
  everyPlan((steps, place) => {
    const changes = isCall(place === 'container' ? 'pivot_root' : 'chroot');
    expect(indexesOf(steps, changes)).toHaveLength(1);
    expectOrder(steps, mounts, changes);
  });
});

test('the old root is let go at once, and the working directory is in the new one', () => {
  everyPlan((steps, place) => {
    const at = steps.findIndex(isCall('pivot_root', 'chroot'));
    const around = steps.slice(at - 2, at + 3).map(({ call }) => call);
    if (place === 'container')
      expect(around.slice(1)).toEqual(['fchdir', 'pivot_root', 'umount2', 'chdir']);
    else expect(around.slice(0, 4)).toEqual(['fchdir', 'mount', 'chroot', 'chdir']);
  });
});

test('nothing is made in a root that is read-only already', () => {
  everyPlan((steps) => {
    const seals: Matcher = (step) =>
      isCall('mount_setattr', 'mount')(step) &&
      (slotsIn(step).includes('root') || text(step.args[1]) === '/run/tsbox/boxes/root') &&
      step.args.some(({ kind, ...rest }) => /RDONLY/.test(JSON.stringify(rest, printBig)));
    if (steps.some(seals)) expectOrder(steps, makes, seals);
  });
});

test('host files are opened before the user namespace’s root is anyone else', () => {
  everyPlan((steps) => {
    const waits = steps.findIndex(isCall('setresuid'));
    expect(steps.findIndex(({ into }) => into === 'lower' || into === 'root')).toBeLessThan(waits);
  });
});

test('groups, user and capabilities change in the kernel’s order', () => {
  everyPlan((steps) => {
    const last = steps.findLastIndex(isCall('setresuid'));
    const around = steps.slice(last - 3, last + 2).map(({ call }) => call);
    expect(around).toEqual(['prctl', 'setgroups', 'setresgid', 'setresuid', 'capset']);
    expectOrder(steps, isPrctl('PR_CAPBSET_DROP'), isPrctl('PR_SET_SECUREBITS'));
    expectOrder(steps, isCall('setresuid'), isCall('capset'));
  });
});

test('privileges are used up before they are given up, and that before the workload', () => {
  everyPlan((steps) => {
    for (const needsPrivilege of ['pivot_root', 'chroot', 'sethostname', 'prlimit64'] as const)
      if (steps.some(isCall(needsPrivilege)))
        expectOrder(steps, isCall(needsPrivilege), isCall('capset'));
    expectOrder(steps, isCall('capset'), isPrctl('PR_SET_NO_NEW_PRIVS'));
    expectOrder(steps, isPrctl('PR_SET_NO_NEW_PRIVS'), isCall('execve'));
  });
});

test('descriptors are closed before the working directory of the workload is entered', () => {
  everyPlan((steps) => {
    const last = steps.findLastIndex(isCall('chdir'));
    expect(steps.findLastIndex(isCall('close_range'))).toBeLessThan(last);
    expect(steps.slice(last).some(isCall('openat', 'openat2', 'open_tree', 'socket'))).toBe(false);
  });
});

test('a box ends with tsbox: that is said first, and again after every change of user', () => {
  everyPlan((steps, place) => {
    const said = indexesOf(steps, isPrctl('PR_SET_PDEATHSIG'));
    const changed = indexesOf(steps, isCall('setresuid'));
    if (place === 'guest') expect(said).toEqual([]);
    else {
      const [first = -1, ...again] = said;
      expect(first).toBeLessThan(changed[0] ?? -1);
      // Before the next one, and before anything that may take its time.
      expect(again).toHaveLength(changed.length);
      for (const [turn, index] of again.entries())
        expect(steps.slice(changed[turn], index).some(isCall('mount', 'fsopen'))).toBe(false);
    }
    // Sending nothing to tsbox finds out whether it was said in time.
    expect(said.every((index) => steps[index + 1]?.call === 'sendto')).toBe(true);
  });
});

test('execve is the end: every try but the last accepts that the program is not there', () => {
  everyPlan((steps) => {
    const tries = indexesOf(steps, isCall('execve'));
    const end = Array.from(tries, (_, index) => steps.length - tries.length + index);
    expect(tries).toEqual(end);
    expect(tries.map((index) => steps[index]?.accept !== undefined)).toEqual(
      end.map((index) => index !== steps.length - 1),
    );
  });
});

test('every step has a reason, and the plan fits into its format', () => {
  everyPlan((steps, _, arch) => {
    const fits = ({ why, args, accept = [] }: Step) =>
      why.trim() !== '' && args.length <= 6 && accept.length <= 4;
    expect(steps.filter((step) => !fits(step))).toEqual([]);
    expect(() => encodePlan(steps, arch)).not.toThrow();
  });
});

/** No plan names what it has not got, nor lets the image decide what a path leads to. */
import { describe, expect, test } from 'vitest';
import { openFlags, resolveFlags } from '../../src/abi/flags.ts';
import { COVERED, PLACE } from '../../src/plan/mounts-by-path.ts';
import type { Slot, Step } from '../../src/plan/step.ts';
import { everyContainer, everyPlan, how, isCall, slotsIn, text, word } from './any-box.ts';

test('a slot is filled by an earlier step than those that use it', () => {
  everyPlan((steps) => {
    const filled = new Set<Slot>();
    const early = steps.filter((step) => {
      const unknown = slotsIn(step).some((slot) => !filled.has(slot));
      if (step.into !== undefined) filled.add(step.into);
      return unknown;
    });
    expect(early).toEqual([]);
  });
});

test('a slot is filled once, but for the channel, for which a guest tries several times', () => {
  everyPlan((steps) => {
    const filled = steps.flatMap(({ into }) => (into === 'channel' ? [] : (into ?? [])));
    expect(filled.filter((slot, index) => filled.indexOf(slot) !== index)).toEqual([]);
  });
});

test('no slot is used or filled once the descriptors are closed', () => {
  everyPlan((steps) => {
    const afterwards = steps.slice(steps.findIndex(isCall('close_range')));
    expect(afterwards.length).toBeLessThan(steps.length);
    expect(afterwards.flatMap((step) => [...slotsIn(step), step.into ?? []].flat())).toEqual([]);
  });
});

test('a path in the image is resolved by openat2, inside the root', () => {
  const inside = (step: Step) =>
    (how(step).resolve & resolveFlags.RESOLVE_IN_ROOT) !== 0 &&
    (how(step).flags & openFlags.x64.O_CLOEXEC) !== 0 &&
    /^[^/]/.test(text(step.args[1]) ?? '') &&
    !text(step.args[1])?.split('/').includes('..');
  everyPlan((steps) => {
    const opens = steps.filter(isCall('openat2'));
    expect(opens.length).toBeGreaterThan(0);
    expect(opens.filter((step) => !inside(step))).toEqual([]);
  });
});

/** The name that a call takes below each descriptor, but for those that are no path in a directory. */
const namesBelow = ({ call, args }: Step) =>
  ['openat2', 'fsconfig', 'inotify_add_watch', 'write'].includes(call)
    ? []
    : args.flatMap((argument, index) => {
        const name = text(args[index + 1]);
        return argument.kind === 'slot' && name ? [{ below: argument.slot, name }] : [];
      });

test('every other call takes one name below a descriptor, and follows no link of the image', () => {
  // Their last name is not followed; the scratch directory holds nothing of the image.
  const harmless = (step: Step) =>
    namesBelow(step).every(
      ({ below, name }) =>
        /^(?!\.{1,2}$)[^/]+$/.test(name) &&
        (isCall('mkdirat', 'mknodat', 'symlinkat')(step) || below === 'scratch'),
    );
  everyPlan((steps) => {
    expect(steps.filter((step) => !harmless(step))).toEqual([]);
    expect(steps.flatMap(namesBelow).length).toBeGreaterThan(0);
  });
});

const anchor = '/run/tsbox/boxes';
const known = [anchor, `${anchor}/ID`, '/images/one', '/host/directory', '/host/file'];

const device = /^\/dev\/\w+$/;

test('on the host a path leads to the anchor, the image, a volume or a device', () => {
  everyContainer((steps, { mountApi }) => {
    if (mountApi === 'paths') return;
    const paths = steps.flatMap(({ call, args }) =>
      word(args[0]) === 'AT_FDCWD' || call === 'mount' ? [text(args[1])] : [],
    );
    const allowed = new Set([...known, '/']);
    expect(paths.filter((path) => !allowed.has(path ?? '') && !device.test(path ?? ''))).toEqual(
      [],
    );
    expect(paths).toContain(anchor);
  });
});

describe('where mount(2) has to do', () => {
  const mountsOf = (steps: readonly Step[]) =>
    steps
      .slice(0, steps.findIndex(isCall('pivot_root')))
      .filter(isCall('mount'))
      .map(({ args }) => ({ source: text(args[0]), target: text(args[1]), flags: word(args[3]) }));
  const place = `/proc/self/fd/${PLACE}`;
  const staged = /^\/run\/tsbox\/boxes\/(?!\.{1,2}$)[^/]+$/;
  const isStaged = (path = '') => staged.test(path);

  const everyByPath = (check: (steps: readonly Step[]) => void) =>
    everyContainer((steps, { mountApi }) => {
      if (mountApi === 'paths') check(steps);
    });

  test('a mount is made in the scratch directory, and moves from there to what was found', () => {
    everyByPath((steps) => {
      const [first, second, ...mounts] = mountsOf(steps);
      expect(first).toEqual({ source: 'none', target: '/', flags: 'MS_REC|MS_PRIVATE' });
      expect(second).toMatchObject({ source: 'tmpfs', target: anchor });
      expect(mounts.filter(({ target }) => !isStaged(target) && target !== place)).toEqual([]);
      const moves = mounts.filter(({ flags }) => flags === 'MS_MOVE');
      expect(moves.filter(({ source, target }) => !isStaged(source) || target !== place)).toEqual(
        [],
      );
      expect(moves.length).toBeGreaterThan(10);
    });
  });

  test('what is copied is the image, a volume, a device, or what was found', () => {
    // The path of an image that was copied leads into the scratch directory, which covers it.
    const copied = `/proc/self/fd/${COVERED}/ID`;
    const allowed = new Set([...known, copied, `${anchor}/empty`, place]);
    for (const covered of [anchor, `${anchor}/ID`]) allowed.delete(covered);
    everyByPath((steps) => {
      const copies = mountsOf(steps).filter(({ flags }) => /^MS_BIND/.test(flags ?? ''));
      expect(
        copies.filter(({ source = '' }) => !allowed.has(source) && !device.test(source)),
      ).toEqual([]);
    });
  });

  test('the number in a path is that of the place which was duplicated just before', () => {
    everyByPath((steps) => {
      const named = steps.filter(({ args }) => args.some((each) => text(each) === place));
      expect(named.length).toBeGreaterThan(10);
      for (const each of named) {
        const before = steps.slice(0, steps.indexOf(each)).findLast(isCall('dup3'));
        expect(word(before?.args[1])).toBe(String(PLACE));
        expect(each.needs).toBe(before?.into);
      }
    });
  });

  test('no slot can have that number', () => {
    everyByPath((steps) => {
      const opened = steps.filter(({ into }) => into !== undefined).length;
      expect(opened + 64).toBeLessThan(PLACE);
    });
  });

  test('none of the calls is made that are missing', () => {
    const missing = isCall(
      'open_tree',
      'move_mount',
      'fsopen',
      'fsconfig',
      'fsmount',
      'mount_setattr',
    );
    everyByPath((steps) => expect(steps.filter(missing)).toEqual([]));
  });
});

test('a path of /proc or /sys is found from the mount that was made for it', () => {
  everyPlan((steps) => {
    const masks = steps.filter(
      ({ into, why }) => /^(masked|readonly)\d+$/.test(into ?? '') && /^\/(proc|sys)\//.test(why),
    );
    expect(
      masks.filter(({ args }) => !slotsIn({ args } as Step).some((slot) => /^mount\d$/.test(slot))),
    ).toEqual([]);
  });
});

test('once the root has changed, the host’s paths are not spoken of', () => {
  everyContainer((steps) => {
    const inside = steps.slice(steps.findIndex(isCall('pivot_root')));
    const words = inside.flatMap(({ args }) => args.flatMap((argument) => text(argument) ?? []));
    expect(words.filter((path) => known.some((own) => path.startsWith(own)))).toEqual([]);
  });
});

/**
 * A terminal of the box's own: both ends come from the box's devpts, so that nothing of the caller's
 * terminal is in the box, and the manager end is handed out by descriptor (pty(7), devpts of the
 * kernel's documentation, and the OCI runtime specification's `process.terminal`, which has
 * /dev/console lead to it, too).
 */
import type { Box } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import { duplicateAt, openat2 } from './calls.ts';
import type { Host } from './host.ts';
import { fileInside } from './inside.ts';
import type { MountApi } from './mount-api.ts';
import { PLACE } from './mounts-by-path.ts';
import { ownMounts, placeOf } from './places.ts';
import { sendDescriptor } from './socket-calls.ts';
import { type Slot, type Step, step } from './step.ts';
import {
  giveTo,
  makeControlling,
  makeStream,
  openPeer,
  setWindowSize,
  unlockPeer,
} from './terminal-calls.ts';

/** Numbers that the plan's slots cannot reach: of the manager end, as the message that hands it out names it. */
const MANAGER_DESCRIPTOR = PLACE + 1;

/** In a guest, the socket to the supervisor, which hands the terminal's output on (native/supervise.c). */
export const SUPERVISOR_DESCRIPTOR = PLACE + 2;

/** When the mounts are in their places and the image's root is not sealed yet. */
export function makeTerminal(box: Box, host: Host, mounts: MountApi): Step[] {
  const { terminal, consoleSize } = box.spec.process;
  if (!terminal) return [];
  const devpts = devptsOf(box, host);
  return [
    step(
      openat2(
        host.arch,
        devpts,
        'ptmx',
        ['O_RDWR', 'O_NOCTTY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT', 'RESOLVE_NO_SYMLINKS', 'RESOLVE_NO_XDEV'],
      ),
      "a terminal of the box's own: the end that stays outside",
      {
        into: 'manager',
        hint: 'all pseudo-terminals may be in use: see /proc/sys/kernel/pty/nr and max',
      },
    ),
    step(unlockPeer('manager'), 'its other end may be opened'),
    step(openPeer(host.arch, 'manager'), "the end that is the workload's", { into: 'terminal' }),
    ...(consoleSize === undefined
      ? []
      : [
          step(
            setWindowSize('manager', consoleSize.height, consoleSize.width),
            'as large as it will be shown',
          ),
        ]),
    ...showAsConsole(box, host, mounts),
  ];
}

function devptsOf(box: Box, host: Host): Slot {
  const own = ownMounts(box, host).findLast(({ mount }) => mount.destination === '/dev/pts');
  if (own?.mount.type === 'devpts') return own.slot;
  throw new SpecError([
    'process.terminal: there is no devpts mounted at /dev/pts, from which the terminal would come: add that mount, or ask for no terminal',
  ]);
}

function showAsConsole(box: Box, host: Host, mounts: MountApi): Step[] {
  const own = ownMounts(box, host);
  return [
    ...fileInside(host.arch, placeOf('/dev/console', own), 'console.place'),
    ...mounts.copyOpened('terminal', 'console', 'the same terminal by another name'),
    ...mounts.attach('console', 'console.place', 'what is /dev/console elsewhere'),
  ];
}

/**
 * Once the root is the box's: the terminal becomes the workload's, and its other end goes to whoever
 * is at the other end of the socket `outside`.
 */
export function takeTerminal(box: Box, outside: number): Step[] {
  const { terminal, user } = box.spec.process;
  if (!terminal) return [];
  return [
    step(duplicateAt('manager', MANAGER_DESCRIPTOR), 'at a number that can be named', {
      hint: `allow more open files (\`ulimit -n\`): ${MANAGER_DESCRIPTOR + 1} are enough`,
    }),
    step(
      sendDescriptor(outside, MANAGER_DESCRIPTOR),
      'who holds this end shows the terminal, and types into it',
    ),
    ...(user.uid === 0
      ? []
      : [step(giveTo('terminal', user.uid), 'the terminal belongs to who works at it')]),
    step(makeControlling('terminal'), "Ctrl-C and job control reach the workload's session"),
    ...[0, 1, 2].map((stream) =>
      step(makeStream('terminal', stream), 'standard input, output and error'),
    ),
  ];
}

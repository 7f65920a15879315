/**
 * How a process that tsbox started depends on it: a socket to tsbox, on a fixed descriptor, tells
 * the child that tsbox is still there and tsbox, by its closing, that the program was executed.
 */
import { signalNumbers } from '../abi/signals.ts';
import { closeOnExec, closeRange, getDescriptorFlags, prctl } from './calls.ts';
import { receive, sendNothing } from './socket-calls.ts';
import { type Step, step } from './step.ts';

/** The socket to tsbox (src/linux/interpreter.ts). */
export const PARENT_DESCRIPTOR = 5;

/** Changing the user undoes the first of these (prctl(2), PR_SET_PDEATHSIG): to be said again then. */
export function dieWithParent(): Step[] {
  return [
    step(
      prctl('PR_SET_PDEATHSIG', signalNumbers.SIGKILL, 'SIGKILL'),
      'the box ends when tsbox does, whatever ends tsbox',
    ),
    step(
      sendNothing(PARENT_DESCRIPTOR),
      'fails if tsbox ended before that was said, so that nothing runs on unseen',
    ),
  ];
}

/**
 * Goes on when the parent has done what it must (Interpreter.go() in src/linux/interpreter.ts), and
 * takes the descriptors that it sends along.
 * @param preserved see {@link receivedDescriptor}. To be done before any other descriptor is opened.
 */
export function waitForParent(descriptors: number, preserved = 0): Step[] {
  const why =
    descriptors === 0
      ? 'the parent has written the id maps'
      : 'the parent has written the id maps, and hands over the mounts whose owners it mapped';
  const received = step(receive(PARENT_DESCRIPTOR, descriptors), why);
  if (descriptors === 0) return [received];
  const last = receivedDescriptor(descriptors - 1, preserved);
  // recvmsg(2) leaves out what cannot be received, and says so in flags that no step reads.
  return [received, step(getDescriptorFlags(last), 'all of them are there')];
}

/**
 * Each gets the lowest number that is free, unix(7): above the standard streams only the socket is in
 * use, and after it what the workload is to have.
 * @param preserved how many descriptors that is (src/plan/preserve.ts).
 */
export function receivedDescriptor(index: number, preserved = 0): number {
  const lowest = 3 + index;
  return lowest < PARENT_DESCRIPTOR ? lowest : lowest + 1 + preserved;
}

export function announceExecution(): Step {
  return step(closeOnExec(PARENT_DESCRIPTOR), 'its closing tells tsbox when the workload starts');
}

const noneLeft = 'no descriptor from outside is left when the working directory is entered';

/** Leaves the standard streams. */
export function closeAll(): Step {
  return step(closeRange(3), noneLeft);
}

/** Leaves the standard streams, the socket until the program is executed, and what comes right after it. */
export function closeInherited(preserved = 0): Step[] {
  return [
    step(closeRange(3, PARENT_DESCRIPTOR - 1), noneLeft),
    step(closeRange(PARENT_DESCRIPTOR + 1 + preserved), noneLeft),
  ];
}

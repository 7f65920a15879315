/**
 * Descriptors that tsbox hands on (`--preserve-fds N`): 3 to N+2 of the workload. While the plan is
 * carried out they follow the socket to tsbox, whose number the third of them gets in the end.
 */
import { closeRange, duplicateCloexec, duplicateTo } from './calls.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { type Step, step } from './step.ts';

/** Where tsbox puts the first of them (src/linux/interpreter.ts, `extra`). */
const FIRST = PARENT_DESCRIPTOR + 1;
/** The first that is not a standard stream. */
const WANTED = 3;

/** When nothing else is open but the standard streams, the socket and they. */
export function preserveDescriptors(count = 0): Step[] {
  if (count === 0) return [];
  const numbers = Array.from({ length: count }, (_, index) => index);
  const reached = WANTED + count > PARENT_DESCRIPTOR;
  return [
    ...(reached
      ? [
          step(
            duplicateCloexec(PARENT_DESCRIPTOR, FIRST + count),
            'its closing still tells tsbox when the workload starts',
          ),
        ]
      : []),
    // Upwards, so that none is overwritten before it is moved.
    ...numbers.map((index) =>
      step(
        duplicateTo(FIRST + index, WANTED + index),
        `--preserve-fds: what tsbox has as descriptor ${WANTED + index}`,
      ),
    ),
    step(
      closeRange(Math.max(FIRST, WANTED + count), FIRST + count - 1),
      'none of them is there twice',
    ),
  ];
}

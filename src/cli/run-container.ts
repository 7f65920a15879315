/** `tsbox run` without --vm, which is where start-up time counts most: nothing else is loaded. */
import { startContainer } from '../container/container.ts';
import { exitNow } from '../linux/exit.ts';
import { main } from './main.ts';
import { say } from './print.ts';
import { registerRun } from './run.ts';

const run = registerRun({
  container: (request, stdio, timeline, early) =>
    startContainer(request, stdio, timeline, say, early),
  vm: () => Promise.reject(new Error('--vm was not seen by src/cli/tsbox.ts')),
});

/** By then all is done and written. */
export const exit = exitNow;

export const ended = main({ run });

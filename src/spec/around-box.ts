/** What tsbox itself does about a box while it runs, and what it tells of it: none of it is the OCI's. */
import type { BoxRequest } from './box.ts';
import type { ProblemList } from './errors.ts';
import { parseLabels } from './labels.ts';
import { noOutside } from './outside.ts';
import { parsePreserveFds } from './preserve-fds.ts';
import type { Caller, RunOptions } from './run-options.ts';
import { parseStopSignal } from './stop-signal.ts';
import { parseTimeout } from './timeout.ts';

type Around = Pick<BoxRequest, 'stopSignal' | 'timeout' | 'preserved' | 'labels'>;

export function aroundBox(options: RunOptions, caller: Caller, problems: ProblemList): Around {
  const given = <T>(value: string | undefined, parse: (value: string) => T) =>
    value === undefined
      ? undefined
      : problems.attempt<T | undefined>(() => parse(value), undefined);
  const all = {
    stopSignal: given(options.stopSignal, parseStopSignal),
    timeout: given(options.timeout, parseTimeout),
    preserved: given(options.preserveFds, (value) =>
      parsePreserveFds(value, (caller.outside ?? noOutside).inherited()),
    ),
    labels: parseLabels(options, caller, problems),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as Around;
}

/** A box that was saved, with what of it can be asked for anew. */
import type { BoxRequest } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import { specFromOptions } from '../spec/from-options.ts';
import { type Caller, noOptions, type RunOptions } from '../spec/run-options.ts';
import { findSnapshot } from '../vm/snapshot.ts';
import type { RequestWords } from './request.ts';

/** The options that say something about a box which runs already. */
const possible: readonly (keyof RunOptions)[] = [
  'network',
  'publish',
  'dns',
  'dnsSearch',
  'dnsOption',
  'addHost',
  'hostname',
  'label',
  'labelFile',
  'timeout',
  'stopSignal',
];

const noImage = { rootfs: '/', passwd: '', group: '' };

/** @throws BoxError where there is none of this name, SpecError for what cannot be changed. */
export function requestOfSnapshot(
  name: string,
  { options }: RequestWords,
  data: string,
  caller: Caller,
): BoxRequest {
  const { box } = findSnapshot(data, name).record;
  refuseFixed(options);
  const own = specFromOptions({ ...options, command: ['true'] }, noImage, caller);
  const { network, lacks, labels, timeout, stopSignal } = own;
  const hostname = options.hostname === undefined ? {} : { hostname: options.hostname };
  return {
    ...box,
    spec: { ...box.spec, ...hostname },
    ...(network && { network }),
    ...(lacks && { lacks }),
    ...((labels ?? box.labels) && { labels: { ...box.labels, ...labels } }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

/** @throws SpecError */
function refuseFixed(options: RunOptions): void {
  const asked = Object.keys(options) as (keyof RunOptions)[];
  const isGiven = (key: keyof RunOptions) =>
    key !== 'command' && JSON.stringify(options[key]) !== JSON.stringify(noOptions[key]);
  const fixed = asked.filter((key) => isGiven(key) && !possible.includes(key));
  const flag = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (fixed.length > 0)
    throw new SpecError(
      fixed.map(
        (key) =>
          `--${flag(key)} with --from: the box has that from when it was saved; leave it out`,
      ),
    );
}

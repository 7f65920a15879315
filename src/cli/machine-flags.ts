/** The flags that are about the machine of a micro-VM alone. */
import { type MachineWish, snapshotModes } from '../spec/box.ts';
import type { ProblemList } from '../spec/errors.ts';
import { parseReadyWhen } from '../spec/snapshot-when.ts';

export interface MachineFlags {
  readonly vm?: true;
  readonly kernel?: string;
  readonly snapshot?: string;
  readonly snapshotAs?: string;
  readonly snapshotWhen?: string;
  readonly from?: string;
  readonly interactive?: true;
  readonly tty?: boolean;
}

/** What they ask for; what is wrong with it is added to the problems. */
export function toMachine(flags: MachineFlags, problems: ProblemList): MachineWish {
  const { vm, kernel, snapshot, snapshotAs, snapshotWhen, from } = flags;
  if (kernel !== undefined && !vm)
    problems.add(`--kernel ${kernel} without --vm: a container has the host's; leave it out`);
  if (kernel !== undefined && from !== undefined)
    problems.add(
      `--kernel ${kernel} with --from: the machine that was saved has its kernel; leave it out`,
    );
  const given = [
    ...(snapshot === undefined ? [] : ['--snapshot']),
    ...(snapshotAs === undefined ? [] : ['--snapshot-as']),
    ...(snapshotWhen === undefined ? [] : ['--snapshot-when']),
    ...(from === undefined ? [] : ['--from']),
  ];
  if (!vm && given.length > 0)
    problems.add(`${given.join(', ')} without --vm: a container is not saved; add --vm`);
  if ((snapshotAs === undefined) !== (snapshotWhen === undefined))
    problems.add(
      snapshotAs === undefined
        ? '--snapshot-when without --snapshot-as: give the name that it is to be saved under'
        : `--snapshot-as ${snapshotAs} without --snapshot-when: say when it is ready: line:REGEX, tcp:PORT, or a number of seconds`,
    );
  if (from !== undefined && snapshotAs !== undefined)
    problems.add('--from with --snapshot-as: a box that was saved is not saved again');
  refuseStreams(flags, problems);
  const mode = snapshotModes.find((each) => each === snapshot);
  if (snapshot !== undefined && mode === undefined)
    problems.add(`--snapshot ${snapshot}: it is ${snapshotModes.join(', ')}`);
  if (mode === 'never' && given.length > 1)
    problems.add(`--snapshot never with ${given[1]}: such a box is not booted; leave it out`);
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(mode === undefined ? {} : { snapshot: mode }),
    ...(from === undefined ? {} : { from }),
    ...saveOf(snapshotAs, snapshotWhen, problems),
  };
}

/** Whoever goes on with a box has other streams than who saved it. */
function refuseStreams(flags: MachineFlags, problems: ProblemList): void {
  const { snapshotAs, from, interactive, tty } = flags;
  if (snapshotAs === undefined && from === undefined) return;
  const given = [...(interactive ? ['-i'] : []), ...(tty && from === undefined ? ['-t'] : [])];
  const beside = from === undefined ? '--snapshot-as' : '--from';
  for (const flag of given)
    problems.add(`${flag} with ${beside}: what goes on later has no input of yours; leave it out`);
}

function saveOf(
  name: string | undefined,
  word: string | undefined,
  problems: ProblemList,
): Pick<MachineWish, 'save'> {
  if (name === undefined || word === undefined) return {};
  const when = problems.attempt(() => parseReadyWhen(word), undefined);
  return when === undefined ? {} : { save: { name, when } };
}

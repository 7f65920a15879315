/** A plan that did not reach its end, as an error for people. */
import { describeErrno, errnoName } from '../abi/errno.ts';
import type { MountAttribute } from '../plan/mount-calls.ts';
import { printStep } from '../plan/print.ts';
import { planFaults, type Report } from '../plan/report.ts';
import type { Argument, Step } from '../plan/step.ts';
import { BoxError } from './errors.ts';
import { type Refusal, Refused } from './refusal.ts';

/** undefined when the report tells of no failure. */
export function failureOf(
  steps: readonly Step[],
  report: Report | undefined,
): BoxError | undefined {
  if (report === undefined)
    return new BoxError('tsbox-init ended before it began: see --debug and `tsbox doctor`');
  if (report.state === 'running') return undefined;
  if (report.state === 'refused')
    return new BoxError(
      `tsbox-init refused the plan: ${planFaults[report.error] ?? report.error}: this is a fault of tsbox, please report it`,
    );
  const failed = steps[report.step];
  if (failed === undefined) return new BoxError('tsbox-init reported a step that does not exist');
  if (failed.call === 'execve') return executionFailure(failed, steps, report);
  return new Refused(
    { call: failed.call, errno: report.error, ...subjectOf(failed, steps) },
    {
      failed: `${failed.call} failed: ${describeErrno(report.error)}`,
      reason: report.reason.replaceAll('\n', '; '),
      call: shorten(printStep(failed)),
      why: failed.why,
      hint: failed.hint,
    },
    { detail: printStep(failed) },
  );
}

type Subject = Pick<Refusal, 'path' | 'attributes' | 'fileSystem'>;

/** What the call was about, as far as a path of the host's or the type of a file system says it. */
function subjectOf({ call, args }: Step, steps: readonly Step[]): Subject {
  const text = (index: number) => {
    const argument = args[index];
    return argument?.kind === 'string' ? argument.value : undefined;
  };
  const slot = args[0]?.kind === 'slot' ? args[0].slot : undefined;
  const source = slot === undefined ? undefined : steps.find(({ into }) => into === slot);
  switch (call) {
    case 'open_tree':
      return slot === undefined ? { path: text(1) } : {};
    case 'mount':
      if (flagsIn(args[3]).includes('MS_REMOUNT')) return subjectOfRemount(args, steps);
      return text(2) === undefined ? { path: text(0) } : { fileSystem: text(2) };
    case 'fsopen':
      return { fileSystem: text(0) };
    case 'fsconfig':
    case 'fsmount':
    case 'mount_setattr':
      return source === undefined
        ? {}
        : { ...subjectOf(source, steps), attributes: attributesOf(args[3]) };
    default:
      return {};
  }
}

/** The argument is a `struct mount_attr` where it is a structure. */
function attributesOf(argument: Argument | undefined): readonly MountAttribute[] | undefined {
  const set = argument?.kind === 'structure' ? argument.fields.attr_set : undefined;
  return set?.kind === 'flags' ? (set.names as MountAttribute[]) : undefined;
}

/** By paths, what is changed is what was mounted there first. */
function subjectOfRemount(args: readonly Argument[], steps: readonly Step[]): Subject {
  const isThere = (target: Argument | undefined) =>
    target?.kind === 'string' && args[1]?.kind === 'string' && target.value === args[1].value;
  const first = steps.find((each) => each.call === 'mount' && isThere(each.args[1]));
  if (first === undefined || flagsIn(first.args[3]).includes('MS_REMOUNT')) return {};
  const attributes = flagsIn(args[3])
    .filter((flag) => flag !== 'MS_REMOUNT' && flag !== 'MS_BIND')
    .map((flag) => flag.replace('MS_', 'MOUNT_ATTR_') as MountAttribute);
  return { ...subjectOf(first, steps), attributes };
}

function flagsIn(argument: Argument | undefined): readonly string[] {
  return argument?.kind === 'flags' ? argument.names : [];
}

/** Lines of a terminal; --debug shows all. */
const MAX_CALL = 300;

function shorten(text: string): string {
  return text.length <= MAX_CALL ? text : `${text.slice(0, MAX_CALL)} …`;
}

/** Every directory of PATH was tried: found but refused is worth more than not found, execvp(3). */
function executionFailure(last: Step, steps: readonly Step[], report: Report): BoxError {
  const tried = steps.flatMap((each, index) => {
    const entry = report.entries[index];
    return each.call === 'execve' && entry !== undefined && entry.result < 0n
      ? [{ path: pathOf(each), errno: Number(-entry.result) }]
      : [];
  });
  const absent = new Set(['ENOENT', 'ENOTDIR']);
  const refused = tried.find(({ errno }) => !absent.has(errnoName(errno)));
  if (refused !== undefined)
    return new BoxError(
      `cannot execute ${refused.path}: ${describeErrno(refused.errno)}: ${executeHint(refused.errno)}`,
      { exitCode: 126 },
    );
  const name = tried.length > 1 ? pathOf(last).split('/').at(-1) : pathOf(last);
  const where = tried.length > 1 ? 'in no directory of its PATH' : 'no such file in the box';
  return new BoxError(
    `command not found: ${name}: ${where} (or its interpreter or loader is missing there)`,
    { exitCode: 127, detail: tried.map(({ path }) => path).join('\n') },
  );
}

function pathOf(each: Pick<Step, 'args'>): string {
  const first = each.args[0];
  return first?.kind === 'string' ? first.value : '';
}

function executeHint(errno: number): string {
  if (errnoName(errno) === 'ENOEXEC')
    return 'it is for another architecture, or a script without #!';
  if (errnoName(errno) === 'EACCES')
    return 'it must be a regular file with execute permission for the user, not on a noexec mount';
  return 'see execve(2)';
}

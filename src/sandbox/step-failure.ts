/** A plan that did not reach its end, as an error for people. */
import { describeErrno, errnoName } from '../abi/errno.ts';
import { printStep } from '../plan/print.ts';
import { planFaults, type Report } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { BoxError } from './errors.ts';

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
  const hint = failed.hint ?? hintOf(report.error);
  return new BoxError(
    [
      `${failed.call} failed: ${describeErrno(report.error)}`,
      ...(report.reason === ''
        ? []
        : [`  the kernel says: ${report.reason.replaceAll('\n', '; ')}`]),
      `  call: ${shorten(printStep(failed))}`,
      `  why it is made: ${failed.why}`,
      ...(hint === undefined ? [] : [`  what to do: ${hint}`]),
    ].join('\n'),
    { detail: printStep(failed), refused: { call: failed.call, errno: report.error } },
  );
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

function pathOf(each: Step): string {
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

function hintOf(errno: number): string | undefined {
  switch (errnoName(errno)) {
    case 'EPERM':
    case 'EACCES':
      return 'run as root on a host, not in another container; `tsbox doctor` shows what is forbidden';
    case 'ENOSYS':
      return 'this kernel is too old for the call: Linux 5.9 or later has all that a container needs';
    case 'ENOSPC':
    case 'ENOMEM':
    case 'EMFILE':
    case 'EAGAIN':
      return 'the host has reached a limit: of memory, files, namespaces (/proc/sys/user) or processes';
    default:
      return undefined;
  }
}

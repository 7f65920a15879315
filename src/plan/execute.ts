/** The last steps: limits, working directory, signals, and the workload's program itself. */
import { signalNumbers } from '../abi/signals.ts';
import type { Box } from '../spec/box.ts';
import type { Rlimit } from '../spec/spec.ts';
import { becomeInit, chdir, execve, prlimit, setsid, umask } from './calls.ts';
import type { Host } from './host.ts';
import { filterCalls, type SeccompFilter } from './seccomp.ts';
import { defaultSignal, unblockSignals } from './signal-calls.ts';
import { type Step, step } from './step.ts';

export function newSession(): Step {
  return step(setsid(), "not the caller's terminal session: TIOCSTI could type into it");
}

export function setLimits(box: Box, { openFiles }: Pick<Host, 'openFiles'>): Step[] {
  const { rlimits } = box.spec.process;
  const asked = rlimits.map((limit) =>
    step(prlimit(limit.type, limit.soft, limit.hard), reasonOf(limit), {
      hint: 'a hard limit can be raised only with CAP_SYS_RESOURCE: ask for no more than `ulimit -H` shows',
    }),
  );
  const type = 'RLIMIT_NOFILE';
  if (openFiles === undefined || rlimits.some((limit) => limit.type === type)) return asked;
  const why = "the caller's own limit, which Node has raised for itself";
  return [...asked, step(prlimit(type, openFiles.soft, openFiles.hard), why)];
}

function reasonOf({ type, hard }: Rlimit): string {
  // No file of a core is that small, and at 1 no program on the host is given one either.
  return type === 'RLIMIT_CORE' && hard === 1n
    ? 'no memory of the box is dumped to the host, nor to the program of core_pattern there'
    : `--ulimit: ${type}`;
}

/** pid_namespaces(7): the kernel spares PID 1 signals that it has no handler for, and leaves orphans to it. */
const INIT =
  'PID 1 passes signals on and reaps orphans: a program that is PID 1 itself gets no signal that it has no handler for';

export function startWorkload(box: Box, filter: SeccompFilter | undefined): Step[] {
  const { cwd, user } = box.spec.process;
  return [
    step(chdir(cwd), 'working directory of the workload', {
      hint: `the working directory ${cwd} must exist in the box and be open to its user`,
    }),
    step(umask(user.umask), 'file mode creation mask of the workload'),
    ...ordinarySignals(),
    ...filterCalls(box, filter),
    ...(box.init ? [step(becomeInit(), INIT)] : []),
    ...executeWorkload(box),
  ];
}

/** What a program may expect when it is started: no signal blocked or ignored. */
export function ordinarySignals(): Step[] {
  return [
    ...(['SIGPIPE', 'SIGXFSZ'] as const).map((name) =>
      step(
        defaultSignal(signalNumbers[name], name),
        'Node ignores it, and that would be inherited',
      ),
    ),
    step(unblockSignals(), 'signals were blocked while the process was made'),
  ];
}

/** The search of execvp(3), unrolled: every directory of the box's PATH, unless the name has a slash. */
function executeWorkload(box: Box): Step[] {
  const { args, env } = box.spec.process;
  const name = args[0] ?? '';
  const paths = name.includes('/')
    ? [name]
    : searchPath(env).map((directory) => `${directory}/${name}`);
  return paths.map((path, index) =>
    step(
      execve(path, args, env),
      'the workload',
      index === paths.length - 1 ? {} : { accept: ['ENOENT', 'ENOTDIR', 'EACCES'] },
    ),
  );
}

function searchPath(env: readonly string[]): string[] {
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
  return (path || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    .split(':')
    .map((entry) => entry || '.');
}

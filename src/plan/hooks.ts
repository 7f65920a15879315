/**
 * Programs that are executed while a box is made (OCI config.md, "POSIX-platform Hooks"). tsbox
 * starts them, while the box waits: those of the runtime on the host, those of the container in the
 * box's namespaces, which they enter themselves (setns(2)), but for the PID namespace, in which they
 * are cloned. `startContainer` has a program of the image executed: so it has no more rights than the
 * workload.
 */
import type { Box } from '../spec/box.ts';
import type { Hook, HookKind } from '../spec/spec.ts';
import { chdir, closeRange, execve, inherit, umask } from './calls.ts';
import { ordinarySignals, setLimits } from './execute.ts';
import type { Host } from './host.ts';
import { becomeUser, enterUserNamespace } from './identity.ts';
import { wallIn } from './landlock.ts';
import { namespaceFlags, setns } from './namespaces.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { keepApart } from './process.ts';
import { belongToTsbox, FIRST_EXTRA } from './program.ts';
import { filterCalls } from './seccomp.ts';
import { receive, sendByte } from './socket-calls.ts';
import { type Step, step } from './step.ts';

/** When the box waits, and which hooks are executed then, in this order. */
export const hookTimes = {
  created: ['prestart', 'createRuntime', 'createContainer'],
  starting: ['startContainer'],
} as const satisfies Record<string, readonly HookKind[]>;

/** Also where none of them is asked for: tsbox counts on both. */
export function waitForHooks({ spec }: Box, time: keyof typeof hookTimes): Step[] {
  const { hooks } = spec;
  if (hooks === undefined) return [];
  const names = hookTimes[time].flatMap((kind) =>
    (hooks[kind] ?? []).map(({ path }, index) => `hooks.${kind}[${index}]: ${path}`),
  );
  return [
    step(sendByte(PARENT_DESCRIPTOR), `tsbox executes ${names.join(', ') || 'no hook'}`),
    step(receive(PARENT_DESCRIPTOR, 0), 'and has done so'),
  ];
}

export function hookSteps(hook: Hook, kind: HookKind, box: Box, host: Host): Step[] {
  const why = 'the hook gets what it is given, and nothing else';
  const last = [
    step(closeRange(3, PARENT_DESCRIPTOR - 1), why),
    step(closeRange(FIRST_EXTRA), why),
  ];
  const execute = step(execve(hook.path, hook.args ?? [hook.path], hook.env ?? []), 'the hook');
  if (kind === 'createContainer')
    return [...belongToTsbox(), ...enterBox(box, host), ...last, ...ordinarySignals(), execute];
  if (kind === 'startContainer')
    return [
      ...belongToTsbox(),
      ...enterBox(box, host),
      step(chdir('/'), 'of the box'),
      step(umask(box.spec.process.user.umask), "as the workload's"),
      ...wallIn(),
      ...setLimits(box, host),
      ...becomeUser(box, host),
      ...last,
      ...ordinarySignals(),
      ...filterCalls(box, host.seccomp),
      execute,
    ];
  return [...belongToTsbox(), ...last, ...ordinarySignals(), execute];
}

/** The box's first process is handed over as a descriptor. */
function enterBox(box: Box, host: Host): Step[] {
  const flags = box.spec.linux.namespaces
    .filter(({ type }) => type !== 'pid')
    .map(({ type }) => namespaceFlags[type]);
  return [
    step(inherit(FIRST_EXTRA), "the box's first process", { into: 'box' }),
    step(setns('box', flags), "the hook is in the box's namespaces", {
      hint: 'tsbox needs Linux 5.8 for it',
    }),
    ...enterUserNamespace(box, host),
    // Others may be in a namespace that the box joins.
    ...keepApart(),
  ];
}

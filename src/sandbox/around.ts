/** What tsbox does on the host around a box, as lines for `explain`. */
import { type HostAction, printAction } from '../plan/action.ts';
import { printWithReason } from '../plan/print.ts';
import type { BoxRequest } from '../spec/box.ts';

/** None where there is nothing to do. */
export function actionLines(title: string, list: readonly HostAction[]): string[] {
  if (list.length === 0) return [];
  const lines = list.map((action) => printWithReason(printAction(action), action.why));
  return [`# ${title}`, ...lines, ''];
}

/** While the box runs, where something was asked for. */
export function aroundLines({ stopSignal, timeout, labels }: BoxRequest): string[] {
  const lines = [
    ...(stopSignal === undefined
      ? []
      : [`# SIGTERM to tsbox becomes signal ${stopSignal} of the workload`]),
    ...(timeout === undefined ? [] : [`# after ${timeout} s tsbox kills the workload`]),
    ...Object.entries(labels ?? {}).map(
      ([name, value]) =>
        `# the record of the running box says ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
    ),
  ];
  return lines.length === 0 ? [] : [...lines, ''];
}

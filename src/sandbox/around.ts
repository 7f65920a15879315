import type { BoxRequest } from '../spec/box.ts';

/** What tsbox does while the box runs, where something was asked for: lines for `explain`. */
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

/** A benchmark's result as JSON and as text. */

import type { Measurement } from './measure.ts';
import { BASE } from './own.ts';
import { FEWEST_RUNS, type Ratio, ratioOfMedians, type Summary, summarize } from './statistics.ts';
import type { Absent } from './subject.ts';

export interface BenchReport {
  /** Of this format. */
  readonly version: 1;
  readonly unit: 'ms';
  readonly settings: BenchSettings;
  readonly host: HostFacts;
  readonly results: readonly BenchResult[];
  /** Subjects that did not take part, or failed. */
  readonly absent: readonly Absent[];
}

export interface BenchSettings {
  readonly image: string;
  readonly runs: number;
  readonly warmup: number;
  /** Determines the order of the subjects in every round. */
  readonly seed: number;
}

export interface HostFacts {
  readonly kernel: string;
  readonly processor: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly node: string;
}

export interface BenchResult {
  readonly name: string;
  readonly what: string;
  readonly version: string;
  readonly note: string;
  /** The command line of the first run. */
  readonly command: readonly string[];
  readonly summary: Summary;
  /** To the host process; absent when that one failed. */
  readonly ratio?: Ratio;
  /** One for each round. */
  readonly times: readonly number[];
}

export function makeReport(
  settings: BenchSettings,
  host: HostFacts,
  measurement: Measurement,
  absent: readonly Absent[],
  random: () => number,
): BenchReport {
  const base = measurement.measured.find(({ subject }) => subject.name === BASE)?.times;
  const results = measurement.measured.map(({ subject, times }) => ({
    name: subject.name,
    what: subject.what,
    version: subject.version,
    note: subject.note,
    command: subject.argv(0),
    summary: summarize(times),
    ...(base === undefined ? {} : { ratio: ratioOfMedians(times, base, random) }),
    times,
  }));
  return {
    version: 1,
    unit: 'ms',
    settings,
    host,
    results,
    absent: [...absent, ...measurement.failed],
  };
}

/** Columns of a bar at full length. */
const BAR_WIDTH = 40;

export function printReport(report: BenchReport): string {
  const { settings, host } = report;
  const results = [...report.results].sort((a, b) => a.summary.median - b.summary.median);
  return [
    `Benchmark: \`true\` in ${settings.image}, ${settings.runs} runs of each after ${settings.warmup} to warm up, in random order (seed ${settings.seed})`,
    `${host.processors} × ${host.processor}, Linux ${host.kernel}, Node ${host.node}; times from start to end of the whole process`,
    '',
    ...table(results),
    '',
    ...bars(results),
    ...relations(results),
    ...notes(report),
  ].join('\n');
}

function table(results: readonly BenchResult[]): string[] {
  const head = ['', 'Time (median)', 'p95', 'Range (min … max)', 'spread (MAD)'];
  const rows = results.map(({ name, summary }) => [
    name,
    formatTime(summary.median),
    formatTime(summary.p95),
    `${formatTime(summary.min)} … ${formatTime(summary.max)}`,
    formatTime(summary.mad),
  ]);
  return alignColumns([head, ...rows]);
}

/** The first column to the left, the others to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd());
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** @returns a bar of `share` (0 to 1) of the full length, to an eighth of a column. */
export function bar(share: number): string {
  const length = Math.max(1, Math.round(share * BAR_WIDTH * 8));
  return '█'.repeat(Math.floor(length / 8)) + (eighths[length % 8] ?? '');
}

function bars(results: readonly BenchResult[]): string[] {
  const longest = Math.max(...results.map(({ summary }) => summary.median));
  const width = Math.max(...results.map(({ name }) => name.length));
  return results.map(
    ({ name, summary }) =>
      `  ${name.padEnd(width)}  ${bar(summary.median / longest)} ${formatTime(summary.median)}`,
  );
}

function relations(results: readonly BenchResult[]): string[] {
  const others = results.flatMap(({ name, ratio }) =>
    ratio === undefined || name === BASE
      ? []
      : [`  ${formatRatio(ratio)} times the ${BASE}: ${name}`],
  );
  if (others.length === 0) return [];
  const few = results.some(({ ratio }) => ratio !== undefined && ratio.interval === undefined);
  const interval = few
    ? ` (a 95 % interval takes ${FEWEST_RUNS} runs or more)`
    : ', with its 95 % interval';
  return ['', `Ratio of medians${interval}`, ...others];
}

function notes({ results, absent }: BenchReport): string[] {
  const lines = [
    ...results.filter(({ note }) => note !== '').map(({ name, note }) => `  ${name}: ${note}`),
    ...absent.map(({ name, why }) => `  ${name} left out: ${why.replaceAll('\n', '\n    ')}`),
  ];
  return lines.length === 0 ? [] : ['', 'Notes', ...lines];
}

function formatRatio({ value, interval }: Ratio): string {
  const range = interval && ` (${interval.low.toFixed(2)} … ${interval.high.toFixed(2)})`;
  return `${value.toFixed(2)}${range ?? ''}`;
}

/** @param time milliseconds. */
export function formatTime(time: number): string {
  if (time >= 10_000) return `${(time / 1000).toFixed(1)} s`;
  return `${time.toFixed(time < 100 ? 2 : 0)} ms`;
}

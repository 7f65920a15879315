/** Lays texts beside each other. Pure. */

export interface Row {
  readonly label: string;
  /** One for each column; may have several lines. */
  readonly cells: readonly string[];
}

/** @param width of the whole, in characters; long lines are broken. */
export function sideBySide(heads: readonly string[], rows: readonly Row[], width: number): string {
  const labelWidth = Math.max(...rows.map(({ label }) => label.length));
  const column = Math.max(12, Math.floor((width - labelWidth) / heads.length) - 2);
  const all = [{ label: '', cells: heads }, ...rows];
  return all.flatMap((row) => layRow(row, labelWidth, column)).join('\n');
}

function layRow({ label, cells }: Row, labelWidth: number, column: number): string[] {
  const broken = cells.map((cell) => breakLines(cell, column));
  const height = Math.max(1, ...broken.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const texts = broken.map((lines) => (lines[line] ?? '').padEnd(column));
    return [(line === 0 ? label : '').padEnd(labelWidth), ...texts].join('  ').trimEnd();
  });
}

/** Control characters of a workload's output must not reach the reader's terminal. */
const controls = /(?!\n)\p{Cc}/gu;

function breakLines(text: string, width: number): string[] {
  const lines = text.replaceAll('\t', '  ').replace(controls, '·').trimEnd().split('\n');
  return lines.flatMap((line) => {
    const pieces = Math.max(1, Math.ceil(line.length / width));
    return Array.from({ length: pieces }, (_, index) =>
      line.slice(index * width, (index + 1) * width),
    );
  });
}

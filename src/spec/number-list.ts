/** Lists of processors and memory nodes, such as `0-3,7`: cpuset(7), "List format". */

/** CONFIG_NR_CPUS and MAX_NUMNODES are below. */
const MOST = 8192;

const range = /^(\d{1,4})(?:-(\d{1,4}))?$/;

/** Whether it is such a list; an empty one is. */
export function isNumberList(text: string): boolean {
  return text === '' || text.split(',').every((part) => boundsOf(part) !== undefined);
}

/** All numbers in a list. */
export function numbersOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = -1] = boundsOf(part) ?? [];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function boundsOf(part: string): [number, number] | undefined {
  const [, low, high = low] = range.exec(part.trim()) ?? [];
  const [first, last] = [Number(low), Number(high)];
  return low !== undefined && first <= last && last < MOST ? [first, last] : undefined;
}

/** The ways out of a network namespace, by files of /proc: proc_pid_net(5). */
import { readFileSync } from 'node:fs';

/** @param pid of a process in it. @returns the families for which a route leads anywhere through the interface. */
export function defaultRoutes(pid: number, name: string): (4 | 6)[] {
  const four = read(pid, 'route').some((words) => words[0] === name && words[1] === '00000000');
  const six = read(pid, 'ipv6_route').some(
    (words) => words.at(-1) === name && words[0] === '0'.repeat(32) && words[1] === '00',
  );
  return [...(four ? [4 as const] : []), ...(six ? [6 as const] : [])];
}

/** A kernel without the family has no such file. */
function read(pid: number, file: string): string[][] {
  try {
    const text = readFileSync(`/proc/${pid}/net/${file}`, 'latin1');
    return text.split('\n').map((line) => line.trim().split(/\s+/));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** `--cpu-shares`, `--cpuset-cpus` and `--cpuset-mems`: which part of the processors the box gets. */
import { SpecError } from './errors.ts';
import { isNumberList } from './number-list.ts';

/** What the OCI's runtimes take: those of cgroup v1's cpu.shares. */
const [MIN_SHARES, MAX_SHARES] = [2, 262_144];

/** @returns undefined for 0, podman's word for the usual weight. @throws SpecError */
export function parseShares(value: string): number | undefined {
  const shares = /^[0-9]{1,6}$/.test(value) ? Number(value) : Number.NaN;
  if (shares === 0) return undefined;
  if (shares >= MIN_SHARES && shares <= MAX_SHARES) return shares;
  throw new SpecError([
    `--cpu-shares ${value}: not a weight: ${MIN_SHARES} to ${MAX_SHARES} are, of which 1024 is usual`,
  ]);
}

/** @param flag `--cpuset-cpus` or `--cpuset-mems`. @throws SpecError */
export function parseSet(flag: string, value: string): string {
  if (value !== '' && isNumberList(value)) return value;
  throw new SpecError([
    `${flag} ${value}: not a list of numbers: such as 0,2 and 0-3,7 are (cpuset(7), "List format")`,
  ]);
}

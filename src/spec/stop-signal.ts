/** `--stop-signal`: the signal that the workload gets where SIGTERM comes to tsbox. */
import { constants } from 'node:os';
import { SpecError } from './errors.ts';

/** Of signal(7); the real-time ones as the C library counts them. */
const [RTMIN, RTMAX] = [34, 64];

/** A number, or a name of signal(7) with or without SIG, such as SIGINT, quit or RTMIN+3. @throws SpecError */
export function parseStopSignal(value: string): number {
  const number = /^[0-9]{1,2}$/.test(value) ? Number(value) : numberOf(value.toUpperCase());
  if (number >= 1 && number <= RTMAX) return number;
  throw new SpecError([
    `--stop-signal ${value}: not a signal: names of signal(7), such as SIGINT or RTMIN+3, and 1 to ${RTMAX} are`,
  ]);
}

function numberOf(name: string): number {
  const bare = name.replace(/^SIG/, '');
  const [, from, offset = '0'] = /^RT(MIN|MAX)([+-][0-9]{1,2})?$/.exec(bare) ?? [];
  if (from !== undefined) {
    const number = (from === 'MIN' ? RTMIN : RTMAX) + Number(offset);
    return number >= RTMIN ? number : Number.NaN;
  }
  const known: Readonly<Record<string, number>> = constants.signals;
  return Object.hasOwn(known, `SIG${bare}`) ? (known[`SIG${bare}`] ?? Number.NaN) : Number.NaN;
}

/** What pasta does for a box, as text. */
import type { PastaPlan } from '../plan/pasta.ts';
import { actionLines } from './around.ts';
import { startLines } from './explain-jail.ts';

/** @param waiting who waits for its interface meanwhile. @param going who goes on then. */
export function pastaLines(pasta: PastaPlan, waiting: string, going: string): string[] {
  return [
    ...actionLines(`tsbox, when ${waiting} waits for its interface`, pasta.before),
    ...startLines(
      'tsbox starts pasta, and waits until it writes into its PID file',
      'pasta',
      pasta,
    ),
    ...actionLines(`tsbox, before ${going} goes on`, pasta.after),
  ];
}

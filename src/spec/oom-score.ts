/** `--oom-score-adj`: how likely the kernel is to end the box when memory runs out, proc_pid_oom_score_adj(5). */
import { SpecError } from './errors.ts';

/** From never to always first. */
export const [MIN_OOM_SCORE, MAX_OOM_SCORE] = [-1000, 1000];

/** @throws SpecError */
export function parseOomScoreAdj(value: string): number {
  const score = /^-?[0-9]{1,4}$/.test(value) ? Number(value) : Number.NaN;
  if (score >= MIN_OOM_SCORE && score <= MAX_OOM_SCORE) return score;
  throw new SpecError([
    `--oom-score-adj ${value}: not a score: whole numbers from ${MIN_OOM_SCORE} to ${MAX_OOM_SCORE} are`,
  ]);
}

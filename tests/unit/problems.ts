import { SpecError } from '../../src/spec/errors.ts';

/** The problems for which `act` refuses; none when it does not. */
export function problemsOf(act: () => unknown): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (error instanceof SpecError) return error.problems;
    throw error;
  }
}

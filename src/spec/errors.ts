/** A request that cannot be made into a specification, with everything that is wrong with it. */
export class SpecError extends Error {
  /** A sentence each: what is wrong, with which value of which flag, what is allowed. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SpecError';
    this.problems = problems;
  }
}

/** Gathers the problems of many parsers, so that the user sees all of them at once. */
export class ProblemList {
  readonly #problems: string[] = [];

  add(problem: string): void {
    this.#problems.push(problem);
  }

  /** What `parse` returns, or `otherwise` when it throws a SpecError, whose problems are kept. */
  attempt<T>(parse: () => T, otherwise: T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      this.#problems.push(...error.problems);
      return otherwise;
    }
  }

  get some(): boolean {
    return this.#problems.length > 0;
  }

  /** @throws SpecError when there was a problem. */
  throwIfAny(): void {
    if (this.some) throw new SpecError([...new Set(this.#problems)]);
  }
}

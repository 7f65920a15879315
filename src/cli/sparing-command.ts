/**
 * A command that takes up only those of its options that can be among the words of the command line:
 * `run` has so many that to prepare them all takes longer than to parse those that are given. Where the
 * words are wrong, or help is asked for, all of them are needed: another one is asked then (main.ts).
 */
import { Command } from 'commander';

export class SparingCommand extends Command {
  readonly #words: readonly string[];

  /** @param words of the command line. */
  constructor(words: readonly string[], name?: string) {
    super(name);
    this.#words = words;
  }

  override createCommand(name?: string): Command {
    return new SparingCommand(this.#words, name);
  }

  override option(flags: string, ...rest: readonly unknown[]): this {
    const given = flags.split(/[ ,]+/).some((flag) => isGiven(flag, this.#words));
    return given ? Reflect.apply(super.option, this, [flags, ...rest]) : this;
  }
}

/** Letters can come together, and a value behind them: more than is given does no harm. */
function isGiven(flag: string, words: readonly string[]): boolean {
  if (flag.startsWith('--')) return words.some((word) => word.startsWith(flag));
  const [dash, letter = ''] = flag;
  return dash === '-' && words.some((word) => word.startsWith('-') && word.includes(letter));
}

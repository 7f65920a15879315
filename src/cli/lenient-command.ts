/**
 * A command that goes on behind an option that it does not know, so that all of them are told, and with
 * them what is wrong with the others: commander ends at the first.
 */
import { Command, type ErrorOptions, type ParseOptionsResult } from 'commander';
import { nearest } from '../spec/nearest.ts';

export class LenientCommand extends Command {
  readonly #unknown: string[] = [];
  #goesOn = false;

  override createCommand(name?: string): Command {
    return new LenientCommand(name);
  }

  /** Only a command whose operands are another program's words is lenient: options come before them. */
  override passThroughOptions(passThrough = true): this {
    this.#goesOn = passThrough;
    return super.passThroughOptions(passThrough);
  }

  override parseOptions(words: string[]): ParseOptionsResult {
    const found = super.parseOptions(words);
    const [flag, ...rest] = found.unknown;
    if (!this.#goesOn || flag === undefined || flag === '--help' || flag === '-h') return found;
    this.#unknown.push(this.#sentence(flag));
    return this.parseOptions(rest.slice(this.#takesValue(flag, rest) ? 1 : 0));
  }

  override error(message: string, options?: ErrorOptions): never {
    const unknown = this.#unknown.map((sentence) => `error: ${sentence}`);
    return super.error([...unknown, message].join('\n'), options);
  }

  /** A sentence about each option that it does not know. */
  get unknownOptions(): readonly string[] {
    return this.#unknown;
  }

  #sentence(flag: string): string {
    const [name = ''] = flag.split('=');
    const longs = this.options.flatMap(({ long }) => long ?? []);
    const forms = longs.filter((long) => long === name || long.startsWith(`${name}=`));
    if (forms.length === 1) return `unknown option '${flag}': ${name} takes no value`;
    if (forms.length > 1) return `unknown option '${flag}': ${forms.join(', ')} are known`;
    const meant = flag.startsWith('--') ? nearest(name, longs) : [];
    const all = `\`${nameOf(this)} --help\` lists all`;
    return `unknown option '${flag}': ${meant.length > 0 ? `is ${meant.join(' or ')} meant?` : all}`;
  }

  /** Whether the next word seems to be the option's value, and not the first operand. */
  #takesValue(flag: string, [value, next]: readonly string[]): boolean {
    if (value === undefined || value.startsWith('-') || flag.includes('=')) return false;
    const [meant] = nearest(
      flag,
      this.options.flatMap(({ long }) => long ?? []),
    );
    const option = this.options.find(({ long }) => long !== undefined && long === meant);
    return option?.required ?? (next !== '--' && (next?.startsWith('-') ?? false));
  }
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

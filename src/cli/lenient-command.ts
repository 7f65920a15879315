/**
 * A command that goes on behind an option that it does not know, so that all of them are told, and with
 * them what is wrong with the others: commander ends at the first. And, as podman's, it takes `=true` and
 * `=false` behind an option that has no value.
 */
import { Command, type ErrorOptions, type ParseOptionsResult } from 'commander';
import { nearest } from '../spec/nearest.ts';
import { insteadOf } from './podmans-options.ts';

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
    const [name = '', value] = flag.split('=');
    const plain = this.options.find(
      (option) => [option.short, option.long].includes(name) && option.isBoolean(),
    );
    const isSwitched = plain !== undefined && !this.#formsOf(name).some((form) => form !== name);
    if (isSwitched && value === 'true') return this.parseOptions([name, ...rest]);
    if (isSwitched && value === 'false') {
      this.setOptionValue(plain.attributeName(), undefined);
      return this.parseOptions(rest);
    }
    this.#unknown.push(`unknown option '${flag}': ${this.#hint(flag, name)}`);
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

  #hint(flag: string, name: string): string {
    const instead = insteadOf(name);
    if (instead !== undefined) return instead;
    const forms = this.#formsOf(name);
    if (forms.length > 1) return `${forms.join(', ')} are known`;
    if (forms.length === 1) return `${name} takes no value but true and false`;
    const meant = flag.startsWith('--') ? nearest(name, this.#longs()) : [];
    if (meant.length > 0) return `is ${meant.join(' or ')} meant?`;
    return `\`${nameOf(this)} --help\` lists all`;
  }

  #longs(): string[] {
    return this.options.flatMap(({ long }) => long ?? []);
  }

  /** The option of that name, and such as have a value in their name. */
  #formsOf(name: string): string[] {
    return this.#longs().filter((long) => long === name || long.startsWith(`${name}=`));
  }

  /** Whether the next word seems to be the option's value, and not the first operand. */
  #takesValue(flag: string, [value, next]: readonly string[]): boolean {
    if (value === undefined || value.startsWith('-') || flag.includes('=')) return false;
    const [meant] = nearest(flag, this.#longs());
    const option = this.options.find(({ long }) => long !== undefined && long === meant);
    return option?.required ?? (next !== '--' && (next?.startsWith('-') ?? false));
  }
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

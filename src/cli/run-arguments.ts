/**
 * The command line that `run`, `explain` and `compare` share:
 * `[options] IMAGE|--rootfs DIR [--] COMMAND [ARG…]`. The program must have been made with
 * `enablePositionalOptions()`, so that options behind IMAGE are the workload's.
 */
import type { Command } from 'commander';
import type { MachineWish } from '../spec/box.ts';
import { ProblemList } from '../spec/errors.ts';
import { noOptions, type RunOptions } from '../spec/run-options.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../terminal/detach-keys.ts';
import { LenientCommand } from './lenient-command.ts';
import { toMachine } from './machine-flags.ts';
import { runFlags } from './run-flags.ts';

export interface RunArguments {
  /** The word IMAGE, the directory of `--rootfs`, or the configuration that says all. */
  readonly image:
    | { readonly kind: 'image'; readonly word: string }
    | { readonly kind: 'rootfs'; readonly directory: string }
    | { readonly kind: 'config'; readonly file: string }
    /** A box that was saved. */
    | { readonly kind: 'snapshot'; readonly name: string };
  readonly driver: 'container' | 'vm';
  readonly timing: Timing;
  /** Whether errors come with all that is known about them. */
  readonly debug: boolean;
  /** Whether what tsbox is given on standard input goes to the box. */
  readonly interactive: boolean;
  /** Keys that stop tsbox at a terminal, while the box goes on. */
  readonly detachKeys: Uint8Array;
  /** Path of a socket at which another program takes the box's terminal. */
  readonly consoleSocket: string | undefined;
  /** Whether each system call that the profile denies is shown. */
  readonly seccompLog: boolean;
  readonly machine: MachineWish;
  readonly options: RunOptions;
  /** What is wrong with all this, to be told with what is wrong with the options. */
  readonly problems: ProblemList;
}

/** Where the time of each phase is shown: on standard error, in a file, or nowhere. */
export type Timing =
  | { readonly kind: 'off' }
  | { readonly kind: 'text' }
  | { readonly kind: 'json'; readonly file: string };

/** As commander names the values: absent when the flag is. */
type Flags = Partial<Omit<RunOptions, 'command' | 'readOnlyTmpfs' | 'network'>> & {
  readonly network?: readonly string[];
  readonly readOnlyTmpfs?: true;
  readonly 'readOnlyTmpfs=true'?: true;
  readonly 'readOnlyTmpfs=false'?: true;
  readonly rootfs?: string;
  readonly config?: string;
  readonly printConfig?: true;
  readonly interactive?: true;
  readonly detachKeys?: string;
  readonly consoleSocket?: string;
  readonly vm?: true;
  readonly kernel?: string;
  readonly snapshot?: string;
  readonly snapshotAs?: string;
  readonly snapshotWhen?: string;
  readonly from?: string;
  readonly timing?: true;
  readonly 'timing=text'?: true;
  readonly 'timing=json'?: true;
  readonly timingFile?: string;
  readonly debug?: true;
  readonly seccompLog?: true;
  /** Of `explain` alone. */
  readonly seccomp?: true;
  /** Of `seccomp record` alone. */
  readonly output?: string;
};

/** Adds the options and positional words to a command. */
export function addRunOptions(command: Command): Command {
  command
    .argument('[words...]', 'IMAGE (not with --rootfs), then the command and its arguments')
    .usage('[options] IMAGE|--rootfs DIR|--config FILE [--] COMMAND [ARG...]')
    .passThroughOptions();
  for (const [flags, what, gather] of runFlags) {
    if (gather === undefined) command.option(flags, what);
    else command.option(flags, what, gather);
  }
  return command;
}

/** Ends through `command.error()` when the words don't name an image and a command. */
export function toRunArguments(command: Command): RunArguments {
  const flags = command.opts<Flags>();
  const problems = new ProblemList();
  if (command instanceof LenientCommand)
    for (const sentence of command.unknownOptions) problems.add(sentence);
  const [image, words] = splitWords(command, flags);
  if (
    words.length === 0 &&
    (image.kind === 'image' || image.kind === 'rootfs') &&
    !flags.entrypoint
  )
    usageError(command, 'no COMMAND given', 'name the program to run');
  return {
    image,
    driver: flags.vm ? 'vm' : 'container',
    timing: toTiming(flags),
    debug: flags.debug ?? false,
    // As the OCI's runtimes do, which have no flag for it.
    interactive: flags.interactive ?? image.kind === 'config',
    detachKeys: problems.attempt(
      () => parseDetachKeys(flags.detachKeys ?? DEFAULT_DETACH_KEYS),
      new Uint8Array(),
    ),
    consoleSocket: toConsoleSocket(command, flags),
    seccompLog: flags.seccompLog ?? false,
    machine: toMachine(flags, problems),
    options: toRunOptions(command, flags, words, problems),
    problems,
  };
}

/** Flags that say nothing about the box itself. */
const notOfBox = [
  'rootfs',
  'config',
  'printConfig',
  'vm',
  'kernel',
  'snapshot',
  'snapshotAs',
  'snapshotWhen',
  'from',
  'debug',
  'seccomp',
  'seccompLog',
  'output',
  'interactive',
  'detachKeys',
  'consoleSocket',
  'timing',
  'timing=text',
  'timing=json',
  'timingFile',
] as const;

/** @param words the program and its arguments. */
function toRunOptions(
  command: Command,
  flags: Flags,
  words: readonly string[],
  problems: ProblemList,
): RunOptions {
  const others: readonly string[] = notOfBox;
  const given = Object.entries(flags).filter(
    ([name, value]) => value !== undefined && !others.includes(name),
  );
  const [flag] = given.map(([name]) => name);
  if (flags.config !== undefined && flag !== undefined)
    usageError(
      command,
      `--config with --${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      'the configuration says all about the box; change it, or leave one of them out',
    );
  const {
    readOnlyTmpfs,
    'readOnlyTmpfs=true': yes,
    'readOnlyTmpfs=false': no,
    network: networks = [],
    ...own
  }: Omit<Flags, (typeof notOfBox)[number]> = Object.fromEntries(given);
  const [network, ...more] = networks;
  if (more.length > 0)
    problems.add(`--network ${more.join(', ')}: a box is on one network, and ${network} is given`);
  return {
    ...noOptions,
    ...own,
    ...(network === undefined ? {} : { network }),
    ...(no ? { readOnlyTmpfs: false } : {}),
    command: words,
  };
}

function splitWords(
  command: Command,
  { rootfs, config, from }: Flags,
): [RunArguments['image'], readonly string[]] {
  if (from !== undefined) {
    if (rootfs !== undefined || config !== undefined || command.args.length > 0)
      usageError(
        command,
        `--from with ${command.args[0] ?? (rootfs === undefined ? '--config' : '--rootfs')}`,
        'the box that was saved has its image and its command already; leave it out',
      );
    return [{ kind: 'snapshot', name: from }, []];
  }
  if (config !== undefined) {
    if (rootfs !== undefined || command.args.length > 0)
      usageError(
        command,
        `--config with ${rootfs === undefined ? command.args[0] : '--rootfs'}`,
        'root.path and process.args of the configuration say what is run; leave it out',
      );
    return [{ kind: 'config', file: config }, []];
  }
  if (rootfs !== undefined) return [{ kind: 'rootfs', directory: rootfs }, command.args];
  const [word, ...rest] = command.args;
  if (word === undefined)
    usageError(command, 'no IMAGE given', 'name an image or use --rootfs DIR');
  return [{ kind: 'image', word }, rest[0] === '--' ? rest.slice(1) : rest];
}

function toTiming(flags: Flags): Timing {
  if (flags['timing=json'] || flags.timingFile !== undefined) {
    return { kind: 'json', file: flags.timingFile ?? 'tsbox-timing.json' };
  }
  return flags.timing || flags['timing=text'] ? { kind: 'text' } : { kind: 'off' };
}

function toConsoleSocket(command: Command, flags: Flags): string | undefined {
  const { consoleSocket, config, vm } = flags;
  const tty = flags.tty ?? config !== undefined;
  if (consoleSocket === undefined) return undefined;
  if (!tty)
    usageError(
      command,
      '--console-socket without --tty',
      'there is no terminal to hand on; add -t',
    );
  if (vm)
    usageError(
      command,
      '--console-socket with --vm',
      'the terminal is in the guest, and no descriptor leaves that; leave it out',
    );
  return consoleSocket;
}

function usageError(command: Command, what: string, mend: string): never {
  command.error(`error: ${what}: ${mend}\nusage: tsbox ${command.name()} ${command.usage()}`, {
    code: 'tsbox.usage',
    exitCode: 125,
  });
}

/**
 * The command line that `run`, `explain` and `compare` share:
 * `[options] IMAGE|--rootfs DIR [--] COMMAND [ARG…]`. The program must have been made with
 * `enablePositionalOptions()`, so that options behind IMAGE are the workload's.
 */
import type { Command } from 'commander';
import { noOptions, type RunOptions } from '../spec/run-options.ts';
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from '../terminal/detach-keys.ts';

export interface RunArguments {
  /** The word IMAGE, the directory of `--rootfs`, or the configuration that says all. */
  readonly image:
    | { readonly kind: 'image'; readonly word: string }
    | { readonly kind: 'rootfs'; readonly directory: string }
    | { readonly kind: 'config'; readonly file: string };
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
  readonly options: RunOptions;
}

/** Where the time of each phase is shown: on standard error, in a file, or nowhere. */
export type Timing =
  | { readonly kind: 'off' }
  | { readonly kind: 'text' }
  | { readonly kind: 'json'; readonly file: string };

/** As commander names the values: absent when the flag is. */
type Flags = Partial<Omit<RunOptions, 'command' | 'readOnlyTmpfs'>> & {
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

const several = (value: string, before: string[] = []): string[] => [...before, value];

/** Adds the options and positional words to a command. */
export function addRunOptions(command: Command): Command {
  return (
    command
      .argument('[words...]', 'IMAGE (not with --rootfs), then the command and its arguments')
      .usage('[options] IMAGE|--rootfs DIR|--config FILE [--] COMMAND [ARG...]')
      .passThroughOptions()
      .option('--rootfs <dir>', 'run on this directory instead of an image')
      .option(
        '--config <file>',
        'run the config.json of an OCI bundle, which says all about the box; without IMAGE and COMMAND',
      )
      .option('--vm', 'run in a micro-VM instead of a container (not with compare)')
      .option('--init', 'PID 1 passes signals on and reaps orphans, and the command is its child')
      .option('-t, --tty', 'give it a terminal of its own, shown at yours')
      .option('-i, --interactive', 'what is typed or piped in goes to the box')
      .option(
        '--detach-keys <keys>',
        `stop tsbox at a terminal while the box goes on, until \`fg\` (default: ${DEFAULT_DETACH_KEYS})`,
      )
      .option(
        '--console-socket <path>',
        'hand the terminal to who listens there, instead of showing it; not with --vm',
      )
      .option(
        '-m, --memory <amount>',
        'the most memory the box may use, such as 64m; with --vm its size (default: 256m)',
      )
      .option(
        '--cpus <number>',
        'how many processors it may keep busy, such as 0.5; with --vm rounded up (default: 1)',
      )
      .option(
        '--memory-reservation <amount>',
        'what it is pressed down to where the host lacks memory; not with --vm',
      )
      .option(
        '--memory-swap <amount>',
        'the most memory and swap together, -1 for all swap there is; not with --vm',
      )
      .option('-c, --cpu-shares <number>', 'its weight among others, usually 1024; not with --vm')
      .option('--cpuset-cpus <list>', 'the processors it may use, such as 0-2,7; not with --vm')
      .option('--cpuset-mems <list>', 'the memory nodes it may use; not with --vm')
      .option(
        '--pids-limit <number>',
        'the most processes and threads at once, -1 for no limit; not with --vm',
      )
      .option('-e, --env <name=value>', 'set a variable; NAME alone passes yours on', several)
      .option('--env-file <file>', 'the same, a line each, of a file', several)
      .option(
        '--entrypoint <program>',
        'run this, or the words of a JSON array, with COMMAND behind',
      )
      .option('-w, --workdir <dir>', 'working directory in the box')
      .option('-u, --user <user>', 'NAME|UID[:GROUP|GID], as in the image')
      .option(
        '--group-add <group>',
        'a supplementary group: a name of the image, or an id',
        several,
      )
      .option('--hostname <name>', 'host name that the box sees')
      .option(
        '--net, --network <mode>',
        'bridge (the default as root), none (the default for others), host, private, ns:PATH, container:ID, or a network by its name',
      )
      .option(
        '-p, --publish <port>',
        '[IP:]HOST:BOX[/udp]: a port of the host that leads into the box',
        several,
      )
      .option('--dns <address>', 'a resolver instead of those of the host', several)
      .option('--dns-search <domain>', 'where names without a dot are looked up', several)
      .option('--dns-option <option>', 'an option of resolv.conf(5)', several)
      .option('--add-host <name:address>', 'a line for /etc/hosts', several)
      .option('-v, --volume <src:dst>', "SRC:DST[:OPTION,...]: the host's SRC at DST", several)
      .option('--tmpfs <dst>', 'DST[:OPTION,...]: an empty directory in memory', several)
      .option(
        '--device <host>',
        "HOST[:BOX][:rwm]: a device of the host's, or all in a directory; not with --vm",
        several,
      )
      .option(
        '--mount <mount>',
        'type=bind|tmpfs|image,src=SRC,dst=DST[,OPTION...]: the same',
        several,
      )
      .option('--volumes-from <box>', 'ID[:ro|rw]: what another box got by -v and --mount', several)
      .option('--shm-size <amount>', 'size of its /dev/shm, 0 for no limit (default: 64m)')
      .option('--read-only', 'nothing in the root file system can be changed')
      // Options of their own, as below.
      .option('--read-only-tmpfs', 'and /run, /tmp and /var/tmp are in memory then (the default)')
      .option('--read-only-tmpfs=true', 'the same')
      .option('--read-only-tmpfs=false', 'or they are not, and /dev is read-only, too')
      .option('--writable', 'what is written goes into the image itself')
      .option('--ulimit <limit>', 'NAME=SOFT[:HARD], such as nofile=1024', several)
      .option('--umask <mask>', 'file mode creation mask, octal')
      .option(
        '--userns <mode>',
        "whose ids the box has: auto (a range of its own, root's default), host (the host's), keep-id[:uid=UID,gid=GID] or nomap",
      )
      .option('--pid <mode>', 'private, host, container:ID or ns:PATH: whose processes it sees')
      .option('--ipc <mode>', 'the same, none or shareable: whose shared memory and queues')
      .option('--uts <mode>', 'private, host, container:ID or ns:PATH: whose host name')
      .option('--cgroupns <mode>', 'the same: which cgroups it sees')
      .option('--sysctl <name=value>', "a value of the kernel's that belongs to the box", several)
      .option('--uidmap <range>', 'BOX:FROM[:AMOUNT]: which ids stand behind its users', several)
      .option('--gidmap <range>', 'BOX:FROM[:AMOUNT]: and which behind its groups', several)
      .option('--cap-add <capabilities>', 'NAME[,NAME...] or ALL beside the usual ones', several)
      .option('--cap-drop <capabilities>', 'NAME[,NAME...] or ALL of the usual ones', several)
      .option(
        '--oom-score-adj <number>',
        'how soon the kernel ends it for want of memory, -1000 to 1000',
      )
      .option(
        '--security-opt <name=value>',
        'no-new-privileges[=false], seccomp=FILE|unconfined, apparmor=PROFILE, label=disable|user:U|role:R|type:T|level:L, mask=PATH[:PATH...], unmask=ALL|PATH[:PATH...]',
        several,
      )
      .option('--stop-signal <signal>', 'what it gets where SIGTERM comes to tsbox')
      .option('--timeout <seconds>', 'kill it after that long')
      .option('--preserve-fds <number>', 'descriptors from 3 on that it gets, too; not with --vm')
      .option('-l, --label <name=value>', 'said of the box in its record', several)
      .option('--label-file <file>', 'the same, a line each, of a file', several)
      .option('--annotation <name=value>', "said of it in the OCI's configuration", several)
      .option('--seccomp-log', 'show each system call that the profile denies; not with --vm')
      .option('--timing', 'show on standard error what each phase took')
      // Options of their own, as an optional value would swallow the IMAGE behind `--timing`.
      .option('--timing=text', 'the same')
      .option('--timing=json', 'write that to a file, as JSON')
      .option(
        '--timing-file <file>',
        'which file; implies --timing=json (default: tsbox-timing.json)',
      )
      .option('--debug', 'show all that is known about an error')
  );
}

/** Ends through `command.error()` when the words don't name an image and a command. */
export function toRunArguments(command: Command): RunArguments {
  const flags = command.opts<Flags>();
  const [image, words] = splitWords(command, flags);
  if (words.length === 0 && image.kind !== 'config' && !flags.entrypoint)
    usageError(command, 'no COMMAND given', 'name the program to run');
  return {
    image,
    driver: flags.vm ? 'vm' : 'container',
    timing: toTiming(flags),
    debug: flags.debug ?? false,
    // As the OCI's runtimes do, which have no flag for it.
    interactive: flags.interactive ?? image.kind === 'config',
    detachKeys: parseDetachKeys(flags.detachKeys ?? DEFAULT_DETACH_KEYS),
    consoleSocket: toConsoleSocket(command, flags),
    seccompLog: flags.seccompLog ?? false,
    options: toRunOptions(command, flags, words),
  };
}

/** @param words the program and its arguments. */
function toRunOptions(command: Command, flags: Flags, words: readonly string[]): RunOptions {
  const {
    rootfs,
    config,
    printConfig,
    vm,
    debug,
    seccomp,
    seccompLog,
    output,
    interactive,
    ...others
  } = flags;
  const { detachKeys, consoleSocket, ...rest } = others;
  const { timing, 'timing=text': text, 'timing=json': json, timingFile, ...nearly } = rest;
  const [flag] = Object.keys(nearly);
  if (config !== undefined && flag !== undefined)
    usageError(
      command,
      `--config with --${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      'the configuration says all about the box; change it, or leave one of them out',
    );
  const { readOnlyTmpfs, 'readOnlyTmpfs=true': yes, 'readOnlyTmpfs=false': no, ...own } = nearly;
  return {
    ...noOptions,
    ...own,
    ...(no ? { readOnlyTmpfs: false } : {}),
    command: words,
  };
}

function splitWords(
  command: Command,
  { rootfs, config }: Flags,
): [RunArguments['image'], readonly string[]] {
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

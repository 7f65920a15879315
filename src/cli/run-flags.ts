/**
 * The options that `run`, `explain` and `compare` share, in the order of --help; names and grammar are
 * those of podman-run(1) where it has them.
 */

import { DEFAULT_DETACH_KEYS } from '../terminal/detach-keys.ts';

/** Of an option that can be given several times. */
const several = (value: string, before: string[] = []): string[] => [...before, value];

type Flag = readonly [flags: string, what: string, gather?: typeof several];

export const runFlags: readonly Flag[] = [
  ['--rootfs <dir>', 'run on this directory instead of an image'],
  [
    '--config <file>',
    'run the config.json of an OCI bundle, which says all about the box; without IMAGE and COMMAND',
  ],
  ['--vm', 'run in a micro-VM instead of a container (not with compare)'],
  ['--kernel <name>', 'with --vm: the kernel of the guest, of those that `tsbox kernel ls` shows'],
  [
    '--snapshot <mode>',
    'with --vm: auto (the default: it goes on where one like it was saved, if it can), always or never',
  ],
  ['--snapshot-as <name>', 'with --vm: save the box under this name once it is ready, and end it'],
  [
    '--snapshot-when <when>',
    'line:REGEX of its output, tcp:PORT at which it listens, or a number of seconds: when it is ready',
  ],
  [
    '--from <name>',
    'with --vm: go on where a box was saved by --snapshot-as; without IMAGE and COMMAND',
  ],
  ['--init', 'PID 1 passes signals on and reaps orphans, and the command is its child'],
  ['-t, --tty', 'give it a terminal of its own, shown at yours'],
  ['-i, --interactive', 'what is typed or piped in goes to the box'],
  [
    '--detach-keys <keys>',
    `stop tsbox at a terminal while the box goes on, until \`fg\` (default: ${DEFAULT_DETACH_KEYS})`,
  ],
  [
    '--console-socket <path>',
    'hand the terminal to who listens there, instead of showing it; not with --vm',
  ],
  [
    '-m, --memory <amount>',
    'the most memory the box may use, such as 64m; with --vm its size (default: 256m)',
  ],
  [
    '--cpus <number>',
    'how many processors it may keep busy, such as 0.5; with --vm rounded up (default: 1)',
  ],
  [
    '--memory-reservation <amount>',
    'what it is pressed down to where the host lacks memory; not with --vm',
  ],
  [
    '--memory-swap <amount>',
    'the most memory and swap together, -1 for all swap there is; not with --vm',
  ],
  ['-c, --cpu-shares <number>', 'its weight among others, usually 1024; not with --vm'],
  ['--cpuset-cpus <list>', 'the processors it may use, such as 0-2,7; not with --vm'],
  ['--cpuset-mems <list>', 'the memory nodes it may use; not with --vm'],
  [
    '--pids-limit <number>',
    'the most processes and threads at once, -1 for no limit; not with --vm',
  ],
  ['-e, --env <name=value>', 'set a variable; NAME alone passes yours on', several],
  ['--env-file <file>', 'the same, a line each, of a file', several],
  ['--entrypoint <program>', 'run this, or the words of a JSON array, with COMMAND behind'],
  ['-w, --workdir <dir>', 'working directory in the box'],
  ['-u, --user <user>', 'NAME|UID[:GROUP|GID], as in the image'],
  ['--group-add <group>', 'a supplementary group: a name of the image, or an id', several],
  ['--hostname <name>', 'host name that the box sees'],
  [
    '--net, --network <mode>',
    'bridge (the default as root), none (the default for others), host, private, ns:PATH, container:ID, or a network by its name',
    several,
  ],
  [
    '-p, --publish <port>',
    '[IP:]HOST:BOX[/udp]: a port of the host that leads into the box',
    several,
  ],
  ['--dns <address>', 'a resolver instead of those of the host', several],
  ['--dns-search <domain>', 'where names without a dot are looked up', several],
  ['--dns-option <option>', 'an option of resolv.conf(5)', several],
  ['--add-host <name:address>', 'a line for /etc/hosts', several],
  ['-v, --volume <src:dst>', "SRC:DST[:OPTION,...]: the host's SRC at DST", several],
  ['--tmpfs <dst>', 'DST[:OPTION,...]: an empty directory in memory', several],
  [
    '--device <host>',
    "HOST[:BOX][:rwm]: a device of the host's, or all in a directory; not with --vm",
    several,
  ],
  ['--mount <mount>', 'type=bind|tmpfs|image,src=SRC,dst=DST[,OPTION...]: the same', several],
  ['--volumes-from <box>', 'ID[:ro|rw]: what another box got by -v and --mount', several],
  ['--shm-size <amount>', 'size of its /dev/shm, 0 for no limit (default: 64m)'],
  ['--read-only', 'nothing in the root file system can be changed'],
  // Options of their own, as below.
  ['--read-only-tmpfs', 'and /run, /tmp and /var/tmp are in memory then (the default)'],
  ['--read-only-tmpfs=true', 'the same'],
  ['--read-only-tmpfs=false', 'or they are not, and /dev is read-only, too'],
  ['--writable', 'what is written goes into the image itself'],
  ['--ulimit <limit>', 'NAME=SOFT[:HARD], such as nofile=1024', several],
  ['--umask <mask>', 'file mode creation mask, octal'],
  [
    '--userns <mode>',
    "whose ids the box has: auto (a range of its own, root's default), host (the host's), keep-id[:uid=UID,gid=GID] or nomap",
  ],
  ['--pid <mode>', 'private, host, container:ID or ns:PATH: whose processes it sees'],
  ['--ipc <mode>', 'the same, none or shareable: whose shared memory and queues'],
  ['--uts <mode>', 'private, host, container:ID or ns:PATH: whose host name'],
  ['--cgroupns <mode>', 'the same: which cgroups it sees'],
  ['--sysctl <name=value>', "a value of the kernel's that belongs to the box", several],
  ['--uidmap <range>', 'BOX:FROM[:AMOUNT]: which ids stand behind its users', several],
  ['--gidmap <range>', 'BOX:FROM[:AMOUNT]: and which behind its groups', several],
  ['--cap-add <capabilities>', 'NAME[,NAME...] or ALL beside the usual ones', several],
  ['--cap-drop <capabilities>', 'NAME[,NAME...] or ALL of the usual ones', several],
  ['--oom-score-adj <number>', 'how soon the kernel ends it for want of memory, -1000 to 1000'],
  [
    '--security-opt <name=value>',
    'no-new-privileges[=false], seccomp=FILE|unconfined, apparmor=PROFILE, label=disable|user:U|role:R|type:T|level:L, mask=PATH[:PATH...], unmask=ALL|PATH[:PATH...]',
    several,
  ],
  ['--stop-signal <signal>', 'what it gets where SIGTERM comes to tsbox'],
  ['--timeout <seconds>', 'kill it after that long'],
  ['--preserve-fds <number>', 'descriptors from 3 on that it gets, too; not with --vm'],
  ['-l, --label <name=value>', 'said of the box in its record', several],
  ['--label-file <file>', 'the same, a line each, of a file', several],
  ['--annotation <name=value>', "said of it in the OCI's configuration", several],
  ['--seccomp-log', 'show each system call that the profile denies; not with --vm'],
  ['--timing', 'show on standard error what each phase took'],
  // Options of their own, as an optional value would swallow the IMAGE behind `--timing`.
  ['--timing=text', 'the same'],
  ['--timing=json', 'write that to a file, as JSON'],
  ['--timing-file <file>', 'which file; implies --timing=json (default: tsbox-timing.json)'],
  ['--debug', 'show all that is known about an error'],
];

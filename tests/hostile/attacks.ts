/**
 * The known ways out of a container, each as an image, flags and a script that make the attempt, and
 * the plan without the defence against it, under which the very same attempt must succeed. Whatever
 * succeeds touches nothing but canaries.
 */
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fchdir, openat } from '../../src/plan/calls.ts';
import { type Argument, type Step, step } from '../../src/plan/step.ts';
import { hostArch } from '../../src/sandbox/host.ts';
import { tsbox as library } from '../host/library.ts';
import { type Change, eachStep, type Options } from './box.ts';
import { ONE_ID, VM } from './kinds.ts';

const arch = hostArch();

/** Where an attack takes place. */
export interface Scene {
  /** A copy of the busybox image, the attack's own. */
  readonly rootfs: string;
  /** The tree of canaries. */
  readonly canaries: string;
  /** A directory for volumes; `attack` in it is attack.c. */
  readonly volume: string;
}

export interface Attack {
  /** The class of what is known, and cases of it. */
  readonly row: string;
  readonly name: string;
  readonly image?: (scene: Scene) => void;
  readonly options?: (scene: Scene) => Options;
  readonly script: (scene: Scene) => string;
  /** How tsbox's own box ends; a script that runs, otherwise. */
  readonly refused?: RegExp;
  /** The box without a defence; several where more than one stands in the way. */
  readonly without?: { readonly what: string; readonly change: (scene: Scene) => Change };
  /** Kinds of box in which there is nothing to attack, or nothing that another attack does not try. */
  readonly notIn?: readonly string[];
}

// What takes defences away

const zero = { kind: 'flags', value: 0, names: [] } as const;

/** openat2(2) with no rule for links, as open(2) resolves. */
export const asOpenDoes = eachStep((step) => {
  const { call, args } = step;
  if (call !== 'openat2') return step;
  const how = (argument: Argument): Argument =>
    argument.kind === 'structure'
      ? { ...argument, fields: { ...argument.fields, resolve: zero } }
      : argument;
  return { ...step, args: args.map(how) };
});

export const dropCalls = (...names: Step['call'][]): Change =>
  eachStep((step) => (names.includes(step.call) ? undefined : step));

const dropSaying = (pattern: RegExp): Change =>
  eachStep((step) => (pattern.test(step.why) ? undefined : step));

export const dropSection =
  (title: string): Change =>
  (plan) => ({ ...plan, sections: plan.sections.filter((section) => section.title !== title) });

const all =
  (...changes: Change[]): Change =>
  (plan, box, host) =>
    changes.reduce((changed, change) => change(changed, box, host), plan);

const withStep =
  (title: string, more: Step): Change =>
  (plan) => ({
    ...plan,
    sections: plan.sections.map((section) =>
      section.title === title ? { ...section, steps: [...section.steps, more] } : section,
    ),
  });

// What images are made of

function replace(path: string, make: (path: string) => void): void {
  rmSync(path, { recursive: true, force: true });
  make(path);
}

const linked =
  (place: string, target: (scene: Scene) => string) =>
  (scene: Scene): void =>
    replace(join(scene.rootfs, place), (path) => symlinkSync(target(scene), path));

const up = '../'.repeat(40);

const swapped = 'swapped mount target (CVE-2021-30465, 2025-31133, 2025-52565)';
const redirected = 'redirected writes to /proc and /sys (CVE-2019-16884, 2019-19921, 2023-27561)';
const creating = 'creating or chowning paths on the host (CVE-2024-45310, 2024-1753)';
const privilege = 'left-over privilege (CVE-2022-29162, 2022-27650, 2022-24769)';
const leaked = 'leaked descriptor or working directory (CVE-2016-9962, 2024-21626)';
const guest = 'trusting the guest or a device (Kata 2026-24834)';

const withVolume =
  (target: string) =>
  ({ volume }: Scene): Options => ({ volume: [`${volume}:${target}`] });

/** The link leads out of the image to where a directory would be made. */
function mountThrough(
  name: string,
  target: (scene: Scene) => string,
  notIn: readonly string[] = [],
): Attack {
  return {
    notIn,
    row: swapped,
    name: `a volume through ${name}`,
    image: linked('m', target),
    options: withVolume('/m/made/by-tsbox'),
    script: () => 'true',
    refused: /openat2 failed: (ENOENT|EXDEV|ELOOP|ENOTDIR)/,
    without: { what: 'RESOLVE_IN_ROOT', change: () => asOpenDoes },
  };
}

/** By the magic numbers of statfs(2). */
const isReal =
  'for m in "proc 9fa0" "sys 62656572" "dev 1021994"; do set -- $m; [ "$(stat -f -c %t /$1)" = $2 ] || echo "ESCAPED: $1"; done';

function kernelFiles(place: string, name: string, target: (scene: Scene) => string): Attack {
  return {
    row: redirected,
    name: `/${place} is ${name}`,
    image: linked(place, target),
    script: () => isReal,
    refused: /openat2 failed: (ELOOP|ENOENT|EXDEV|ENOTDIR)/,
    without: {
      what: 'the rules for links of openat2',
      // The masks below it stop the box, too.
      change: () => all(asOpenDoes, dropSection('Masked and read-only paths')),
    },
  };
}

export const attacks: readonly Attack[] = [
  {
    row: "overwriting the runtime's own binary (CVE-2019-5736)",
    name: '/proc/*/exe is opened for writing while programs start that lead back to it',
    image: ({ rootfs }) => {
      writeFileSync(join(rootfs, 'bin/self'), '#!/proc/self/exe\n', { mode: 0o755 });
      symlinkSync('/proc/self/exe', join(rootfs, 'bin/exe'));
    },
    options: withVolume('/v'),
    script: () => '/v/attack programs 150 & for i in 1 2 3 4 5; do self; exe container; done; wait',
    notIn: [VM],
  },

  mountThrough('an absolute link', ({ canaries }) => `${canaries}/directory`),
  mountThrough('a link of many ..', ({ canaries }) => `${up}${canaries}/directory`, [VM]),
  mountThrough('a magic link', ({ canaries }) => `/proc/self/root${canaries}/directory`, [VM]),
  mountThrough(
    'the links of a process',
    ({ canaries }) => `/proc/thread-self/cwd/${up}${canaries}/directory`,
    [VM],
  ),
  {
    row: swapped,
    name: 'a file to mount over is a link to one that is not there',
    image: linked('made', ({ canaries }) => `${canaries}/directory/made`),
    options: ({ volume }) => ({ volume: [`${volume}/attack:/made`] }),
    script: () => 'true',
    refused: /openat2 failed/,
    without: {
      what: 'RESOLVE_IN_ROOT, and with open(2) instead of mknod(2)',
      change: () =>
        all(
          asOpenDoes,
          // O_CREAT alone makes what a dangling link leads to; mknod(2) never does.
          eachStep((step) => {
            const [at, path] = step.args;
            if (step.call !== 'mknodat' || at === undefined || path === undefined) return step;
            const number = (value: number) => ({ kind: 'number', value }) as const;
            const [O_WRONLY, O_CREAT] = [1, 0o100];
            const fields = {
              flags: number(O_WRONLY | O_CREAT),
              mode: number(0o644),
              resolve: number(0),
            };
            const how = { kind: 'structure', fields, size: 24 } as const;
            return { ...step, call: 'openat2', args: [at, path, how, number(24)] };
          }),
        ),
    },
    notIn: [VM],
  },
  {
    row: swapped,
    name: 'the /dev/null that covers a masked file is one of the image',
    image: linked('dev/null', ({ canaries }) => `${canaries}/file`),
    script: () =>
      'for f in /proc/kcore /proc/keys /proc/interrupts; do echo x >> $f; [ -s $f ] && grep -q canary $f && echo ESCAPED; done',
    without: {
      what: "the host's own /dev/null",
      change: ({ canaries }) =>
        eachStep((step) =>
          step.why === 'a device that reads as nothing'
            ? { ...step, args: step.args.with(1, { kind: 'string', value: `${canaries}/file` }) }
            : step,
        ),
    },
    notIn: [VM],
  },
  {
    ...kernelFiles('dev', 'a link to the host', ({ canaries }) => `${canaries}/empty`),
    row: 'swapped mount target: /dev (crun 2026-47766)',
  },

  kernelFiles('proc', 'a link to the host', ({ canaries }) => `${canaries}/empty`),
  {
    ...kernelFiles('proc', 'a link of many ..', ({ canaries }) => `${up}${canaries}/empty`),
    notIn: [VM],
  },
  {
    ...kernelFiles('sys', 'a link to the host', ({ canaries }) => `${canaries}/empty`),
    notIn: [VM],
  },
  {
    row: redirected,
    name: '/proc is a plain directory with files that look like the kernel’s',
    image: ({ rootfs }) => {
      mkdirSync(join(rootfs, 'proc/sys/kernel'), { recursive: true });
      mkdirSync(join(rootfs, 'proc/self/attr'), { recursive: true });
      writeFileSync(join(rootfs, 'proc/self/attr/exec'), '');
    },
    script: () => `${isReal}; grep -q Pid /proc/self/status || echo ESCAPED`,
    without: {
      what: 'the mount of /proc',
      change: () =>
        all(dropSaying(/attached at \/proc$/), dropSection('Masked and read-only paths')),
    },
  },
  {
    row: redirected,
    name: 'the kernel’s files are written to',
    script: () =>
      'for f in /proc/sys/kernel/panic_on_oops /proc/sysrq-trigger /proc/sys/vm/panic_on_oom; do (echo 0 >> $f) 2>/dev/null && echo "ESCAPED: $f"; done; true',
    without: {
      what: 'read-only paths',
      // sysrq-trigger takes one letter: "0" sets the level of the console's log, and to 0 as it is here or lower.
      change: () =>
        dropSaying(/made read-only|second mount of the same|nobody can write|what is seen at/),
    },
    notIn: [VM],
  },

  {
    row: creating,
    name: 'the working directory is below a link to the host',
    image: linked('w', ({ canaries }) => canaries),
    options: () => ({ workdir: '/w/directory' }),
    script: () => 'echo x > made-through-working-directory',
    refused: /chdir failed: ENOENT/,
    without: {
      what: 'working directory named from the root of the box',
      // CVE-2024-21626: the directory was found before the change of root, and entered after it.
      change: ({ canaries }) =>
        all(
          withStep('Host files', leak(`${canaries}/directory`)),
          eachStep((each) =>
            each.why === 'working directory of the workload'
              ? { ...each, ...fchdir(LEAK) }
              : each.call === 'close_range'
                ? undefined
                : each,
          ),
        ),
    },
  },
  {
    row: leaked,
    name: 'a descriptor of the host',
    script: ({ canaries }) =>
      `for n in /proc/self/fd/*; do [ -d $n/. ] && ls $n | grep -q set-user-id && echo "ESCAPED: $n"; done; ls -l /proc/self/fd | grep -q ${canaries} && echo ESCAPED; true`,
    without: {
      what: 'close_range',
      change: ({ canaries }) =>
        all(dropCalls('close_range'), withStep('Host files', leak(canaries))),
    },
    notIn: [VM],
  },

  {
    row: privilege,
    name: 'capabilities, groups and NoNewPrivs of root',
    script: () => expectStatus('00000000a80425fb', 'a80425fb'),
    without: { what: 'capset and the bounding set', change: () => keepPrivilege },
  },
  {
    row: privilege,
    name: 'capabilities, groups and NoNewPrivs of an ordinary user',
    options: () => ({ user: '1000:1000' }),
    notIn: [ONE_ID],
    script: () => expectStatus('0000000000000000', 'a80425fb'),
    without: { what: 'capset and the bounding set', change: () => keepPrivilege },
  },
  {
    row: privilege,
    name: 'a set-user-id program of the image',
    image: ({ rootfs, volume }) => {
      copyFileSync(join(volume, 'attack'), join(rootfs, 'bin/rise'));
      chmodSync(join(rootfs, 'bin/rise'), 0o6755);
    },
    options: () => ({ user: '1000:1000' }),
    notIn: [ONE_ID],
    script: () => 'rise privilege',
    without: {
      what: 'no_new_privs and the filter that needs it',
      change: () =>
        all(dropCalls('seccomp'), dropSaying(/set-user-id programs give no privileges/)),
    },
  },
  {
    row: "the host's cgroup is writable (CVE-2023-25809, 2022-0492)",
    name: 'in every combination of user, cgroup and mount namespace',
    // The filter of system calls refuses those namespaces: here is what stands behind it.
    options: (scene) => ({ ...withVolume('/v')(scene), securityOpt: ['seccomp=unconfined'] }),
    script: () => '/v/attack cgroups',
    without: {
      what: "the box's own cgroup below the one with its limits",
      change: () => (plan) =>
        plan.cgroup === undefined
          ? plan
          : { ...plan, cgroup: { ...plan.cgroup, entry: plan.cgroup.account } },
    },
    notIn: [VM],
  },
  {
    row: guest,
    name: 'devices made by the workload',
    options: ({ volume }) => ({ volume: [`${volume}:/v`], tmpfs: ['/t:dev'] }),
    script: () => '/v/attack devices',
    without: {
      what: 'nodev and the filter of devices',
      change: () =>
        all(
          eachStep((each) =>
            each.call === 'fsmount' ? { ...each, args: each.args.with(2, zero) } : each,
          ),
          (plan) => ({
            ...plan,
            before: plan.before.filter(({ call }) => call !== 'filter_devices'),
          }),
        ),
    },
    notIn: [VM],
  },
  {
    row: guest,
    name: "the image's files are changed in every way",
    script: () =>
      'chmod 777 /etc/passwd; echo x >> /etc/passwd; chown 7 /bin; mv /bin/busybox /bin/b; ln /bin/b /etc/b; touch /made; mkdir /made.d; rm -f /etc/group',
    without: {
      what: 'the layer for writes',
      change: () => (_, box, host) => library.planContainer({ ...box, layer: 'writable' }, host),
    },
  },
];

function expectStatus(held: string, bounding: string): string {
  const wanted = [
    `CapInh:0000000000000000`,
    `CapPrm:${held}`,
    `CapEff:${held}`,
    `CapBnd:00000000${bounding}`,
    `CapAmb:0000000000000000`,
    'NoNewPrivs:1',
    'Groups:',
  ];
  const words = wanted.map((word) => `'${word}'`).join(' ');
  return `for w in ${words}; do tr -d '\\t ' < /proc/self/status | grep -qxF "$w" || echo "ESCAPED: not $w"; done; true`;
}

export const keepPrivilege = all(
  // The filter of system calls needs no_new_privs.
  dropCalls('capset', 'seccomp'),
  dropSaying(/^no program in the box can have|set-user-id programs give/),
);

const LEAK = 'leak';

/** What src/linux would have to forget: a descriptor that stays open across execve(2). */
function leak(canaries: string): Step {
  const call = openat(arch, canaries, ['O_PATH', 'O_DIRECTORY']);
  return step(call, 'a descriptor that nobody closes', { into: LEAK });
}

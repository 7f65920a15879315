/** What fields of an OCI configuration do, seen from inside of a box: name, change, script, its output. */
import type { Json } from './bundle.ts';

export type Effect = readonly [string, Json, string, string | RegExp];

export const namespaces = (...types: readonly (string | Json)[]) => ({
  linux: { namespaces: types.map((type) => (typeof type === 'string' ? { type } : type)) },
});
export const usual = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'] as const;

/** In containers and micro-VMs alike. Beside the root file system there must be `shared/file`. */
export const effects: readonly Effect[] = [
  ['hostname', { hostname: 'teapot' }, 'hostname', 'teapot\n'],
  [
    'domainname',
    { domainname: 'kitchen.example' },
    'cat /proc/sys/kernel/domainname',
    'kitchen.example\n',
  ],
  [
    'process.user.umask',
    { process: { user: { uid: 0, gid: 0, umask: 0o027 } } },
    'umask',
    '0027\n',
  ],
  [
    'process.user.additionalGids',
    { process: { user: { uid: 1000, gid: 7, additionalGids: [8, 9] } } },
    'grep -E "^(Uid|Gid|Groups):" /proc/self/status',
    'Uid:\t1000\t1000\t1000\t1000\nGid:\t7\t7\t7\t7\nGroups:\t8 9 \n',
  ],
  [
    'process.rlimits',
    { process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 4096 }] } },
    'grep "Max core" /proc/self/limits',
    /^Max core file size +1 +4096 +bytes/,
  ],
  [
    'process.oomScoreAdj',
    { process: { oomScoreAdj: 321 } },
    'cat /proc/self/oom_score_adj',
    '321\n',
  ],
  [
    'process.ioPriority',
    { process: { ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 } } },
    'ionice -p $$',
    'best-effort: prio 6\n',
  ],
  [
    'process.scheduler',
    { process: { scheduler: { policy: 'SCHED_BATCH', nice: 3 } } },
    'cut -d" " -f19,41 /proc/self/stat',
    '3 3\n',
  ],
  [
    'process.execCPUAffinity',
    { process: { execCPUAffinity: { initial: '0', final: '0-1' } } },
    'echo runs',
    'runs\n',
  ],
  [
    'linux.personality',
    { linux: { personality: { domain: 'LINUX32' } } },
    'cat /proc/self/personality 2>/dev/null || uname -m',
    /^(00000008|i686)\n$/,
  ],
  [
    'linux.sysctl',
    {
      linux: {
        sysctl: {
          'net.ipv4.ip_forward': '1',
          'net/ipv4/conf/lo/forwarding': '1',
          'kernel.shmmax': '65536',
          'fs.mqueue.msg_max': '11',
        },
      },
    },
    'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/shmmax fs/mqueue/msg_max',
    '1\n1\n65536\n11\n',
  ],
  [
    'linux.sysctl is set before /proc/sys is made read-only',
    { linux: { sysctl: { 'net.ipv4.ip_forward': '1' }, readonlyPaths: ['/proc/sys'] } },
    'cat /proc/sys/net/ipv4/ip_forward; (echo 0 >/proc/sys/net/ipv4/ip_forward) 2>/dev/null || true',
    '1\n',
  ],
  [
    'linux.timeOffsets',
    {
      linux: {
        namespaces: [...usual, 'time'].map((type) => ({ type })),
        timeOffsets: { boottime: { secs: 1_000_000_000, nanosecs: 5 }, monotonic: { secs: 7 } },
      },
    },
    '[ $(cut -d. -f1 /proc/uptime) -ge 1000000000 ] && cat /proc/self/timens_offsets',
    /^monotonic +7 +0\nboottime +1000000000 +5\n$/,
  ],
  [
    'linux.rootfsPropagation',
    { linux: { rootfsPropagation: 'shared' } },
    `awk '$5 == "/"' /proc/self/mountinfo`,
    / shared:\d+ /,
  ],
  [
    'linux.memoryPolicy',
    { linux: { memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] } } },
    'head -n 1 /proc/self/numa_maps',
    / bind=static:0 /,
  ],
  ['linux.maskedPaths', { linux: { maskedPaths: ['/etc/passwd'] } }, 'wc -c </etc/passwd', '0\n'],
  [
    'linux.readonlyPaths',
    { linux: { readonlyPaths: ['/tmp'] } },
    'touch /tmp/x 2>/dev/null; echo $?',
    '1\n',
  ],
  ['root.readonly', { root: { readonly: true } }, 'touch /x 2>/dev/null; echo $?', '1\n'],
  [
    'mounts',
    {
      mounts: [
        { destination: 'proc', type: 'proc' },
        {
          destination: '/data',
          type: 'none',
          source: 'shared',
          options: ['rbind', 'ro', 'rw', 'nosuid'],
        },
        { destination: '/t', type: 'tmpfs', options: ['size=64k', 'noexec', 'defaults'] },
      ],
    },
    'cat /data/file; echo more >/data/new && df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2; ! grep noexec /proc/mounts',
    'shared\n64\n',
  ],
];

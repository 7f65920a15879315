/** Limits of a user's boxes: in a cgroup that was given to the user, and refused where there is none. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

const USER = 61234;
/** The user's cgroup `given` and one below it, `given/shell`, in which its processes are. */
const give = (controllers: string) => `
  cd /sys/fs/cgroup
  echo '+memory +cpu +pids' >cgroup.subtree_control
  mkdir -p given/shell run
  echo '${controllers}' >given/cgroup.subtree_control
  chown ${USER} given given/shell given/*/cgroup.procs given/cgroup.procs given/*/cgroup.subtree_control given/cgroup.subtree_control
  mkdir -p /run/user && mkdir -m 700 /run/user/own && chown ${USER} /run/user/own`;
const takeBack = `
  rmdir given/tsbox given/shell given run && rm -r /run/user`;
const asUser = (where: string, command: string) => `
  sh -c 'echo $$ >/sys/fs/cgroup/${where}/cgroup.procs
    exec setpriv --reuid=${USER} --regid=${USER} --clear-groups env XDG_RUNTIME_DIR=/run/user/own "$0" "$@"' ${command}`;
const look = `busybox -- sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; cat /proc/self/cgroup'`;

const lines = {
  'limits in a cgroup of its own': `${give('')}
    ${asUser('given/shell', `tsbox run --memory 64m --cpus 1.5 --pids-limit 50 ${look}`)}
    ls -d given/tsbox/*/
    cat given/cgroup.subtree_control ${takeBack}`,
  'memory taken': `${give('')}
    ${asUser('given/shell', `tsbox run --memory 16m busybox -- sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo survived'`)}
    echo $? ${takeBack}`,
  'a cgroup of its own with its own processes in it': `${give('')}
    ${asUser('given', `tsbox run busybox -- echo there`)}
    ${asUser('given', `tsbox run --memory 64m busybox -- true`)}
    echo $? ${takeBack}`,
  'no cgroup of its own': `${give('')}
    ${asUser('run', `tsbox run busybox -- echo there`)}
    ${asUser('run', `tsbox run --pids-limit 64 busybox -- true`)}
    echo $?; mkdir given/tsbox ${takeBack}`,
  'what the refusal says, done': `
    cd /sys/fs/cgroup; mkdir -p run /run/user && mkdir -m 700 /run/user/own && chown ${USER} /run/user/own
    said=$(${asUser('run', `tsbox run --memory 64m busybox -- true`)} 2>&1)
    how=\${said##*as root: }; sh -c "$(echo "\${how%, with PID*}" | sed "s/ PID / $$ /")"
    setpriv --reuid=${USER} --regid=${USER} --clear-groups env XDG_RUNTIME_DIR=/run/user/own \\
      tsbox run --memory 64m busybox -- cat /sys/fs/cgroup/memory.max
    echo $$ >cgroup.procs; rmdir user-${USER}/tsbox user-${USER}/shell user-${USER} run; rm -r /run/user`,
};
const ran = onRig(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('limits are kept in a cgroup that was given to the user', async () => {
  const { stdout, stderr } = await ran('limits in a cgroup of its own');
  expect(stdout).toBe('67108864\n150000 100000\n50\n0::/\ncpu memory pids\n');
  expect(stderr).toContain("'given/tsbox/*/': No such file");
});

test('what the refusal tells root to do gives the user limits', async () => {
  expect((await ran('what the refusal says, done')).stdout).toBe('67108864\n');
});

test('what takes more memory is ended', async () => {
  const { stdout, stderr } = await ran('memory taken');
  expect(stdout).toBe('137\n');
  expect(stderr).toContain('the box ran out of memory (--memory)');
});

test('beside processes there are no limits, and a box without them runs', async () => {
  const { stdout, stderr } = await ran('a cgroup of its own with its own processes in it');
  expect(stdout).toBe('there\n125\n');
  expect(stderr).toMatch(
    /^tsbox: --memory needs the memory controller of cgroup v2, which your cgroup \/sys\/fs\/cgroup\/given does not have \(it has none\): root enables it .*; systemd gives none, as it does not run this host: as root: cd \/sys\/fs\/cgroup && /,
  );
});

test('without a cgroup of its own a limit is refused, and a box without one runs', async () => {
  const { stdout, stderr } = await ran('no cgroup of its own');
  expect(stdout).toBe('there\n125\n');
  expect(stderr).toMatch(
    /^tsbox: --pids-limit needs a cgroup that belongs to you, and none around this process does .*; systemd gives none, as it does not run this host: as root: cd \/sys\/fs\/cgroup && /,
  );
});

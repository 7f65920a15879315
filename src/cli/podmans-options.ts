/** Options of podman-run(1) that tsbox does without, and what there is instead. */
const podmansOptions: Readonly<Record<string, string>> = {
  '--rm': 'nothing is left of a box when it ends: leave it out',
  '--name': 'a box is found by its id, and on a network by its --hostname: leave it out',
  '--detach':
    'tsbox ends with its box: have the shell put it in the background (&), or a service manager start it',
  '--privileged': 'name what the box needs: --cap-add, --device, --security-opt',
  '--restart': 'have a service manager start it again, such as systemd (Restart=)',
  '--sig-proxy': 'signals are passed on always: leave it out',
  '--pull': 'images are directories, and none is fetched: leave it out',
  '--env-host': "-e '*' passes on all of your variables",
  '--tz': 'share /etc/localtime by -v, or set TZ by -e',
  '--secret': 'share its file by -v FILE:/run/secrets/NAME:ro',
  '--expose': '-p publishes a port, and on a network all are open: leave it out',
  '--cpu-period': '--cpus says how many processors; --config has linux.resources.cpu in full',
  '--cpu-quota': '--cpus says how many processors; --config has linux.resources.cpu in full',
  '--blkio-weight': '--config has it: linux.resources.blockIO',
  '--cgroup-conf': '--config has it: linux.resources.unified',
  '--cgroup-parent':
    'limits that hold for several boxes are those of the cgroup around tsbox: leave it out',
  '--personality': '--config has it: linux.personality',
};

const short: Readonly<Record<string, string>> = { '-d': '--detach' };

/** What tsbox has instead of an option of podman's; undefined for one that is none. */
export function insteadOf(option: string): string | undefined {
  const name = Object.hasOwn(short, option) ? (short[option] ?? '') : option;
  return Object.hasOwn(podmansOptions, name) ? podmansOptions[name] : undefined;
}

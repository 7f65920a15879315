/** `--init`: what PID 1 of a box does for a workload that is not made for it, container or micro-VM. */
import { expect, test } from 'vitest';
import { Screen } from './tmux.ts';
import { program, started, tsbox } from './tsbox.ts';

/** @param driver flags that choose the driver. */
export function initLife(...driver: string[]): void {
  const run = (...words: string[]) => tsbox(['run', ...driver, ...words]);
  const sh = (script: string, ...flags: string[]) =>
    run(...flags, 'busybox', '--', 'sh', '-c', script);

  test('the workload is a child of PID 1', () => {
    const { status, stdout } = sh('echo $$ $PPID; cat /proc/1/comm; exit 7', '--init');
    expect(stdout).toMatch(/^2 1\n/);
    expect(status).toBe(7);
  });

  test('its end by a signal is told as a shell tells it', () => {
    expect(sh('kill -TERM $$', '--init').status).toBe(143);
    // PID 1 itself does not get it.
    expect(sh('kill -TERM $$; exit 3').status).toBe(3);
  });

  test('what is not there or cannot be executed is told as without', () => {
    expect(run('--init', 'busybox', 'no-such-program').status).toBe(127);
    expect(run('--init', 'busybox', '/etc/passwd').status).toBe(126);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const)(
    '%s ends a program that does nothing about it',
    async (signal) => {
      const words = [
        'run',
        ...driver,
        '--init',
        'busybox',
        '--',
        'sh',
        '-c',
        'echo up; exec sleep 100',
      ];
      const { child, ended } = await started(words, 'up');
      child.kill(signal);
      const numbers = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGUSR1: 10 };
      expect(await ended).toEqual({ code: 128 + numbers[signal], signal: null });
    },
  );

  test('orphans are reaped', () => {
    const script =
      'for i in 1 2 3; do (sleep 0.05 & exec true); done; sleep 0.4; grep -l "State:.Z" /proc/[0-9]*/status | wc -l';
    expect(sh(script, '--init').stdout).toBe('0\n');
  });

  test('PID 1 has no more rights than the workload', () => {
    const rights = 'CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters Uid Gid Groups';
    const script = `for f in ${rights}; do grep -h "^$f:" /proc/1/status /proc/self/status | sort -u; done`;
    const { stdout } = sh(script, '--init', '-u', '7:8', '--security-opt', 'no-new-privileges');
    expect(stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
      ...rights.split(' '),
      '',
    ]);
  });

  test('at a terminal: keys reach the workload once, and job control works', async () => {
    const screen = Screen.open('env PS1="host>" sh');
    await screen.shows(/host>$/);
    screen.line(
      `${program} run ${driver.join(' ')} --init -it -e PS1="box>" busybox sh; echo status=$?`,
    );
    await screen.shows(/box>$/);
    screen.line('trap "echo once" INT; echo ready; sleep 0.3 & wait; sleep 0.3; trap - INT');
    await screen.shows(/^ready$/m);
    screen.keys('C-c');
    await screen.shows(/once[\s\S]*box>$/);
    expect(screen.text.match(/^(\^C)?once$/gm)?.length).toBe(1);
    screen.line("clear; sh -c 'echo asleep; exec sleep 100'");
    await screen.shows(/^asleep$/m);
    screen.keys('C-z');
    await screen.shows(/Stopped/);
    screen.line('exit 4');
    screen.line('exit 4');
    await screen.shows(/status=4\nhost>/);
  });
}

/** What someone at a terminal expects of a box, container or micro-VM alike. */
import { expect, test } from 'vitest';
import { Screen } from './tmux.ts';
import { program } from './tsbox.ts';

/** @param driver flags that choose the driver. */
export function terminalLife(driver: string): void {
  const run = (words: string) => `${program} run ${driver} ${words}`;
  /** A shell with a prompt that is known, whose clock the tests need not wait for. */
  const shell = async (flags = '', columns = 80, rows = 24): Promise<Screen> => {
    // A shell around it, so that its exit status is seen and it can be stopped.
    const screen = Screen.open('env PS1="host>" sh', columns, rows);
    await screen.shows(/host>/);
    screen.line(run(`-it -e PS1="box>" ${flags} busybox sh; echo status=$?`));
    await screen.shows(/^box>$/m);
    return screen;
  };
  let sleepers = 0;
  /** A key that comes sooner is the shell's own. What the last one said may be on the screen still. */
  const sleepInForeground = async (screen: Screen): Promise<void> => {
    const word = `asleep${++sleepers}`;
    screen.line(`clear; sh -c 'echo ${word}; exec sleep 100'`);
    await screen.shows(new RegExp(`^${word}$`, 'm'));
  };
  const ready = (screen: Screen) => screen.shows(/box>$/);

  test('a shell: its terminal is one of the box’s own, and its exit status comes back', async () => {
    const screen = await shell();
    screen.line('tty; ls /dev/pts; test -c /dev/console && echo console; echo $TERM');
    const text = await screen.shows(/console\n\S+\nbox>$/);
    expect(text).toMatch(/\/dev\/pts\/0\n0\s+ptmx\nconsole\n(tmux|screen)/);
    screen.line('exit 7');
    await screen.shows(/status=7\nhost>/);
  });

  test('Ctrl-C ends what runs in the foreground, and Ctrl-\\ too', async () => {
    const screen = await shell();
    await sleepInForeground(screen);
    screen.keys('C-c');
    await screen.shows(/\^C\nbox>$/);
    screen.line('echo $?');
    await screen.shows(/130\nbox>$/);
    await sleepInForeground(screen);
    screen.keys('C-\\');
    await screen.shows(/\^\\.*Quit|Quit/);
    screen.line('exit 0');
    await screen.shows(/status=0\nhost>/);
  });

  test('job control: Ctrl-Z, bg, fg', async () => {
    const screen = await shell();
    await sleepInForeground(screen);
    screen.keys('C-z');
    await screen.shows(/Stopped/);
    screen.line('bg');
    screen.line('jobs');
    await screen.shows(/Running.*sleep 100/);
    screen.line('fg');
    screen.keys('C-c');
    await ready(screen);
    screen.line('exit 0');
    await screen.shows(/status=0\nhost>/);
  });

  test('the size is that of the caller’s terminal, and follows it', async () => {
    const screen = await shell('', 91, 31);
    screen.line('stty size');
    await screen.shows(/31 91\nbox>$/);
    screen.line('trap "stty size" WINCH; echo wait; while :; do sleep 0.1; done');
    await screen.shows(/^wait$/m);
    screen.resize(70, 20);
    await screen.shows(/20 70/);
    screen.keys('C-c');
    screen.line('exit 0');
    await screen.shows(/status=0/);
  });

  test('vi edits a file on the whole screen', async () => {
    const screen = await shell();
    screen.line('vi /tmp/note');
    await screen.shows(/^~$[\s\S]*\/tmp\/note/m);
    screen.type('ifirst line');
    screen.keys('Enter');
    screen.type('second');
    screen.keys('Escape');
    // Keys that follow at once would be taken for one with it.
    await screen.shows(/^- \/tmp\/note/m);
    screen.type('k0xp');
    await screen.shows(/^ifrst line\nsecond\n~$/m);
    screen.type(':wq');
    screen.keys('Enter');
    await ready(screen);
    screen.line('clear; cat /tmp/note');
    await screen.shows(/ifrst line\nsecond\nbox>$/);
    screen.line('exit 0');
    await screen.shows(/status=0/);
  });

  test('less shows a page at a time, and top the processes of the box', async () => {
    const screen = await shell();
    screen.line('seq 1 500 | less');
    await screen.shows(/^1\n2\n3\n[\s\S]*\n22\n/);
    screen.keys('Space');
    await screen.shows(/^24\n25\n/m);
    screen.type('q');
    await ready(screen);
    screen.line('clear; top -d 1');
    await screen.shows(/Mem:[\s\S]*PID +PPID[\s\S]*top -d 1/);
    screen.type('q');
    await ready(screen);
    screen.line('exit 0');
    await screen.shows(/status=0/);
  });

  test('the caller’s terminal is as it was, however the workload ends', async () => {
    const screen = await shell();
    screen.line('stty raw -echo; exit 3');
    await screen.shows(/status=3\s+host>$/);
    const other = Screen.open('sh');
    await other.shows(/[#$]$/);
    screen.line('clear; stty -a');
    other.line('clear; stty -a');
    const [after, before] = [
      await screen.shows(/icanon[\s\S]*host>$/),
      await other.shows(/icanon[\s\S]*[#$]$/),
    ];
    const flags = (text: string) =>
      text
        .split('\n')
        .filter((line) => /^-?(parenb|ignbrk|opost|isig|ixoff|echo|.*cs8)/.test(line));
    expect(flags(after)).toEqual(flags(before));
    expect(flags(after).length).toBeGreaterThan(3);
  });

  test('the detach keys stop tsbox while the box goes on; fg comes back to it', async () => {
    const screen = await shell('--detach-keys ctrl-a,d');
    screen.line('for i in 1 2 3; do echo tick $i; sleep 0.3; done; echo over');
    await screen.shows(/tick 1/);
    screen.keys('C-a');
    screen.type('d');
    await screen.shows(/Stopped[\s\S]*host>$/);
    screen.line('echo here $((1 + 1))');
    await screen.shows(/here 2\nhost>$/);
    screen.line('fg');
    await screen.shows(/tick 3\n\s*over/);
    screen.line('echo typed $((2 + 2))');
    await screen.shows(/typed 4/);
    screen.line('exit 0');
    await screen.shows(/exit 0\s+host>$/);
  });

  test('what is piped in is typed, and its end is the end', async () => {
    const screen = Screen.open('sh');
    await screen.shows(/[#$]$/);
    screen.line(`clear; printf 'tty\\necho last\\n' | ${run('-it busybox sh')}; echo status=$?`);
    const text = await screen.shows(/status=\d/);
    expect(text).toMatch(/\/dev\/pts\/0[\s\S]*\nlast[\s\S]*status=0/);
  });

  test('without a terminal on either side -t gives the box one all the same', async () => {
    const screen = Screen.open('sh');
    await screen.shows(/[#$]$/);
    screen.line(`clear; ${run('-t busybox tty')} </dev/null | od -c | head -n 2`);
    await screen.shows(/\/ +d +e +v +\/ +p +t +s +\/ +0 +\\r +\\n/);
  });

  test('a terminal that nobody has open for a while is shown again, and typed at', async () => {
    const screen = Screen.open('env PS1="host>" sh');
    await screen.shows(/host>/);
    const script =
      'exec </dev/null >/dev/null 2>&1; sleep 1; exec </dev/console >/dev/console; echo back; read -r word; echo got $word';
    screen.line(`clear; ${run(`-it busybox -- sh -c '${script}'`)}; echo status=$?`);
    await screen.shows(/^back$/m);
    screen.line('again');
    await screen.shows(/got again\s+status=0/);
  });
}

/** A terminal with someone who types at it and looks: tmux(1). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'terminal-test-'));
const socket = join(directory, 'tmux');
const open: string[] = [];

// What a test that failed has left running ends with its terminal.
afterEach(() => {
  for (const pane of open.splice(0)) tmux('kill-pane', '-t', pane);
});
afterAll(() => rmSync(directory, { recursive: true }));

function tmux(...words: string[]): string {
  return execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { encoding: 'utf8' });
}

/** Milliseconds; a guest that is translated takes its time. */
const PATIENCE = 20_000;

export class Screen {
  readonly #pane: string;

  private constructor(pane: string) {
    this.#pane = pane;
  }

  /** @param command for a shell, in whose place it is. */
  static open(command: string, columns = 80, rows = 24): Screen {
    const size = ['-x', `${columns}`, '-y', `${rows}`];
    const pane = tmux('new-session', '-d', '-P', '-F', '#{pane_id}', ...size, command).trim();
    open.push(pane);
    return new Screen(pane);
  }

  /** Of the program that it was opened with. */
  get pid(): number {
    return Number(tmux('display-message', '-p', '-t', this.#pane, '#{pane_pid}'));
  }

  /** Names of keys, as in tmux's send-keys. */
  keys(...names: string[]): void {
    tmux('send-keys', '-t', this.#pane, ...names);
  }

  type(text: string): void {
    tmux('send-keys', '-t', this.#pane, '-l', text);
  }

  resize(columns: number, rows: number): void {
    tmux('resize-window', '-t', this.#pane, '-x', `${columns}`, '-y', `${rows}`);
  }

  /** What is on the screen, without the blank lines below. */
  get text(): string {
    return tmux('capture-pane', '-p', '-t', this.#pane).trimEnd();
  }

  /** @throws Error with the screen, when that does not show in time. */
  async shows(what: RegExp): Promise<string> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const { text } = this;
      if (what.test(text)) return text;
      if (Date.now() > end) throw new Error(`${what} does not show on the screen:\n${text}`);
      await sleep(20);
    }
  }

  /** Types a line of a shell. */
  line(text: string): void {
    this.type(text);
    this.keys('Enter');
  }
}

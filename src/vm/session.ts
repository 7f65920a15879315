/**
 * What goes over the guest channel: first the plans that the guest's init is to carry out, one after the
 * other, then what the workload says and is told.
 */
import { Socket } from 'node:net';
import type { Stdio } from '../sandbox/sandbox.ts';
import { writeAll } from '../sandbox/write.ts';
import type { ConsoleSize } from '../spec/spec.ts';
import {
  CHANNEL_VERSION,
  encodeFrame,
  encodePieces,
  FrameReader,
  type GuestFrame,
  type HostFrame,
} from './channel.ts';
import { type Input, keyboard, openInput, pipe } from './input.ts';

/** How far the guest's init came with a plan. */
export type Progress =
  /** To its end, or to a step that failed: its report says. */
  | { readonly kind: 'done'; readonly report: Buffer }
  /** The workload's process is made, which goes on with the plan. */
  | { readonly kind: 'begun'; readonly process: number };

export type End =
  | {
      readonly kind: 'ended';
      readonly exit: Extract<GuestFrame, { type: 'exit' }>;
      readonly report: Buffer;
    }
  /** Nobody reads standard output or error any more. */
  | { readonly kind: 'unread' }
  /** One of them cannot be written to, as on a full disk. */
  | { readonly kind: 'unwritten'; readonly why: string }
  /** The channel broke off, or carried what is not allowed. */
  | { readonly kind: 'broken'; readonly why: string };

export class Session {
  /** Settles with the report on the plan with which the machine boots, or undefined when there will be none. */
  readonly up: Promise<Buffer | undefined>;
  readonly end: Promise<End>;
  readonly #socket: Socket;
  readonly #stdio: Stdio;
  readonly #terminal: boolean;
  readonly #reader = new FrameReader();
  #input: Input | undefined;
  /** What it has not been sent yet. */
  #hosts: Uint8Array | undefined;
  #report = Buffer.alloc(0);
  #offset: bigint | undefined;
  /** What has been heard of the guest last. */
  #stage: Stage = 'nothing';
  #rise: (report: Buffer | undefined) => void = () => undefined;
  #progress: (progress: Progress | undefined) => void = () => undefined;
  #held: (held: boolean) => void = () => undefined;
  #watch: (bytes: Uint8Array) => void = () => undefined;
  #finish: (end: End) => void = () => undefined;

  /**
   * @param channel a connected socket, which is closed with the session.
   * @param terminal whether the workload has one.
   * @param from what has been heard of the guest already: one that was saved waits for a plan, or was held.
   */
  constructor(
    channel: number,
    stdio: Stdio,
    terminal: boolean,
    from: Extract<Stage, 'nothing' | 'waiting' | 'held'>,
  ) {
    this.#stage = from;
    this.#stdio = stdio;
    this.#terminal = terminal;
    this.up = new Promise((settle) => {
      this.#rise = settle;
    });
    this.end = new Promise((settle) => {
      this.#finish = settle;
    });
    this.#socket = new Socket({ fd: channel, readable: true, writable: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('drain', () => this.#sendHosts());
    this.#socket.on('error', ({ message }) => this.#break(message));
    this.#socket.on('close', () => this.#break('it was closed'));
  }

  /**
   * Nanoseconds from the guest's clock, which starts with its kernel, to the host's CLOCK_MONOTONIC. What
   * took the least time to be heard of tells it best, and nothing was heard before it was said.
   */
  get offset(): bigint {
    return this.#offset ?? 0n;
  }

  /**
   * Has the guest's init carry out a plan, once the machine is up and the plan before has been reported on;
   * or once it is held, and it goes on then.
   * @returns undefined when the channel has come to its end.
   */
  carryOut(plan: Uint8Array): Promise<Progress | undefined> {
    return new Promise((settle) => {
      if (this.#socket.destroyed) {
        settle(undefined);
        return;
      }
      this.#progress = settle;
      if (this.#stage === 'waiting') this.#stage = 'working';
      for (const frame of encodePieces('plan', plan)) this.#socket.write(frame);
    });
  }

  /**
   * Has the guest's init serve the workload's streams no more, until the next plan is done. All that it had
   * sent is here then. @returns whether it does.
   */
  hold(): Promise<boolean> {
    return new Promise((settle) => {
      this.#held = settle;
      if (this.#socket.destroyed) settle(false);
      else this.#socket.write(encodeFrame('hold'));
    });
  }

  /** @param see gets what the workload says from now on, too. */
  watch(see: (bytes: Uint8Array) => void): void {
    this.#watch = see;
  }

  signal(signal: number): void {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, signal, true);
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame('signal', payload));
  }

  resize({ height, width }: ConsoleSize): void {
    const payload = new Uint8Array(Uint16Array.of(height, width).buffer);
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame('resize', payload));
  }

  /** What the workload finds in /etc/hosts from now on. A guest that reads nothing is sent the last only. */
  changeHosts(text: Uint8Array): void {
    this.#hosts = text;
    this.#sendHosts();
  }

  #sendHosts(): void {
    if (this.#hosts === undefined || this.#socket.destroyed || this.#socket.writableNeedDrain)
      return;
    for (const frame of encodePieces('hosts', this.#hosts)) this.#socket.write(frame);
    this.#hosts = undefined;
  }

  close(): void {
    this.#input?.close();
    this.#socket.destroy();
  }

  #break(why: string): void {
    this.#rise(undefined);
    this.#progress(undefined);
    this.#held(false);
    this.#finish({ kind: 'broken', why });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.take(chunk)) this.#obey(frame);
    } catch (error) {
      this.#break((error as Error).message);
      this.close();
    }
  }

  /** The first credit comes when the guest is ready for it. */
  #openInput(): Input | undefined {
    const send = (type: HostFrame, bytes?: Uint8Array) =>
      this.#socket.write(encodeFrame(type, bytes));
    const { stdin, typed } = this.#stdio;
    if (!this.#terminal) return openInput(stdin, pipe(send));
    return typed === undefined ? undefined : openInput(stdin, keyboard(typed, send));
  }

  #print(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    try {
      if (!writeAll(this.#stdio[stream], bytes)) this.#finish({ kind: 'unread' });
    } catch (error) {
      this.#finish({ kind: 'unwritten', why: (error as Error).message });
    }
  }

  #compareClocks(now: bigint): void {
    const offset = process.hrtime.bigint() - now;
    if (this.#offset === undefined || offset < this.#offset) this.#offset = offset;
  }

  #obey(frame: GuestFrame): void {
    const next = stages[this.#stage][frame.type];
    if (next === undefined) throw new Error(`a frame ${frame.type} after ${this.#stage}`);
    this.#stage = next;
    switch (frame.type) {
      case 'hello':
        if (frame.version !== CHANNEL_VERSION) throw new Error(`version ${frame.version}`);
        this.#compareClocks(frame.now);
        return;
      case 'begun':
        this.#compareClocks(frame.now);
        this.#progress({ kind: 'begun', process: frame.process });
        return;
      case 'held':
        // It counts its room anew when it goes on.
        this.#input?.stop();
        this.#held(true);
        return;
      case 'done': {
        // What is read next takes the place of these bytes.
        const report = Buffer.from(frame.bytes);
        this.#rise(report);
        this.#progress({ kind: 'done', report });
        return;
      }
      case 'stdout':
      case 'stderr':
        this.#print(frame.type, frame.bytes);
        this.#watch(frame.bytes);
        return;
      case 'credit':
        this.#input ??= this.#openInput();
        this.#input?.allow(frame.bytes);
        return;
      case 'report':
        this.#report = Buffer.from(frame.bytes);
        return;
      case 'exit':
        this.#compareClocks(frame.now);
        this.#finish({ kind: 'ended', exit: frame, report: this.#report });
    }
  }
}

/** `waiting`: for a plan; `working`: on one that has been sent; `held`: the workload's streams are not served. */
type Stage =
  | 'nothing'
  | 'hello'
  | 'waiting'
  | 'working'
  | 'begun'
  | 'held'
  | 'the last report'
  | 'the end';

/** Which frames may follow, and what the guest has come to with them. */
const stages: Readonly<Record<Stage, Partial<Record<GuestFrame['type'], Stage>>>> = {
  nothing: { hello: 'hello' },
  hello: { done: 'waiting' },
  waiting: {},
  working: { done: 'waiting', begun: 'begun' },
  begun: {
    ...{ stdout: 'begun', stderr: 'begun', credit: 'begun', held: 'held' },
    report: 'the last report',
  },
  held: { done: 'begun' },
  'the last report': { exit: 'the end' },
  'the end': {},
};

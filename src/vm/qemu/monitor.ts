/**
 * QEMU's monitor (QMP, "QEMU Machine Protocol" in QEMU's documentation), as far as it tells when the
 * machine starts and whether it stands still, and saves and restores it.
 */
import { Socket } from 'node:net';
import { sendDescriptors } from '../../linux/pass-descriptors.ts';

export class Monitor {
  /** Settles when the machine is made, with CLOCK_MONOTONIC in nanoseconds; never if it is not. */
  readonly ready: Promise<bigint>;
  /** Settles when the machine has stopped without being told to, as after an internal error of KVM. */
  readonly stopped: Promise<void>;
  readonly #socket: Socket;
  readonly #descriptor: number;
  #line = '';
  #ready: (at: bigint) => void = () => undefined;
  #stopped: () => void = () => undefined;
  /** Of a machine that is being saved, or restored. */
  #migrated: (why: string | undefined) => void = () => undefined;
  #migrating = false;

  /** @param socket a connected one, which is closed with the monitor. */
  constructor(socket: number) {
    this.ready = new Promise((settle) => {
      this.#ready = settle;
    });
    this.stopped = new Promise((settle) => {
      this.#stopped = settle;
    });
    this.#descriptor = socket;
    this.#socket = new Socket({ fd: socket, readable: true, writable: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => this.#receive(text));
    // QEMU has ended: whoever waits for it hears of that by itself.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#migrated('QEMU ended'));
    this.#execute('qmp_capabilities');
  }

  /**
   * Saves the machine, without its memory where that is a file, and leaves it standing still.
   * @param file a descriptor of the one that gets the state.
   * @returns why it could not be saved.
   */
  save(file: number): Promise<string | undefined> {
    return this.#migrate('migrate', file);
  }

  /**
   * Has a machine that was started with `-incoming defer` go on where another one was saved.
   * @param file a descriptor of the one that has the state.
   * @returns why it could not be restored.
   */
  restore(file: number): Promise<string | undefined> {
    return this.#migrate('migrate-incoming', file);
  }

  close(): void {
    this.#socket.destroy();
  }

  #migrate(command: 'migrate' | 'migrate-incoming', file: number) {
    const migrated = new Promise<string | undefined>((settle) => {
      this.#migrated = settle;
    });
    this.#migrating = true;
    const capabilities = ['events', 'x-ignore-shared'].map((capability) => ({
      capability,
      state: true,
    }));
    this.#execute('migrate-set-capabilities', { capabilities });
    // The guest has another hardware address than it was saved with: QEMU is not to announce that one.
    this.#execute('migrate-set-parameters', { 'announce-rounds': 0 });
    this.#give(file, 'state');
    this.#execute(command, { uri: 'fd:state' });
    return migrated;
  }

  #execute(command: string, words: object = {}): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: words })}\n`);
  }

  /** A copy of the descriptor, for QEMU to know by this name. */
  #give(descriptor: number, fdname: string): void {
    if (this.#socket.destroyed) return;
    const command = Buffer.from(`${JSON.stringify({ execute: 'getfd', arguments: { fdname } })}\n`);
    sendDescriptors(this.#descriptor, command, [descriptor]);
  }

  #receive(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#obey(JSON.parse(line));
  }

  #obey(message: Message): void {
    if (message.QMP !== undefined) this.#ready(process.hrtime.bigint());
    if (message.error !== undefined) this.#migrated(message.error.desc);
    // Only asked for after a failure.
    if (message.return?.status === 'failed')
      this.#migrated(message.return['error-desc'] ?? 'its state does not fit');
    if (message.event === 'STOP' && !this.#migrating) this.#stopped();
    if (message.event !== 'MIGRATION') return;
    const status = message.data?.status;
    if (status === 'failed') this.#execute('query-migrate');
    if (status !== 'completed') return;
    this.#migrating = false;
    this.#migrated(undefined);
  }
}

interface Message {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: { readonly status?: string };
  readonly error?: { readonly desc: string };
  readonly return?: { readonly status?: string; readonly 'error-desc'?: string };
}

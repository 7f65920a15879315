/**
 * QEMU's monitor (QMP, "QEMU Machine Protocol" in QEMU's documentation), as far as it tells when the
 * machine starts and whether it stands still.
 */
import { Socket } from 'node:net';

export class Monitor {
  /** Settles when the machine is made, with CLOCK_MONOTONIC in nanoseconds; never if it is not. */
  readonly ready: Promise<bigint>;
  /** Settles when the machine has stopped without being told to, as after an internal error of KVM. */
  readonly stopped: Promise<void>;
  readonly #socket: Socket;
  #line = '';
  #ready: (at: bigint) => void = () => undefined;
  #stopped: () => void = () => undefined;

  /** @param socket a connected one, which is closed with the monitor. */
  constructor(socket: number) {
    this.ready = new Promise((settle) => {
      this.#ready = settle;
    });
    this.stopped = new Promise((settle) => {
      this.#stopped = settle;
    });
    this.#socket = new Socket({ fd: socket, readable: true, writable: true });
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => this.#receive(text));
    // QEMU has ended: whoever waits for it hears of that by itself.
    this.#socket.on('error', () => undefined);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#obey(JSON.parse(line));
  }

  #obey(message: { readonly QMP?: unknown; readonly event?: unknown }): void {
    if (message.QMP !== undefined) {
      this.#ready(process.hrtime.bigint());
      // Events come only after this.
      this.#socket.write('{"execute":"qmp_capabilities"}\n');
    }
    if (message.event === 'STOP') this.#stopped();
  }
}

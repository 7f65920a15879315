/**
 * A failure that is the user's to understand: what failed, on what, why, and what to do next.
 * The exit code follows the convention of chroot(1), docker and podman.
 */
export class BoxError extends Error {
  /** 125: tsbox itself failed; 126: the command cannot be executed; 127: it was not found. */
  readonly exitCode: 125 | 126 | 127;
  /** What `--debug` adds: the console's end, the failing call with all its arguments … */
  readonly detail: string;

  constructor(
    message: string,
    options: {
      exitCode?: 125 | 126 | 127;
      detail?: string;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'BoxError';
    this.exitCode = options.exitCode ?? 125;
    this.detail = options.detail ?? '';
  }
}

/** Signals that come while a box is made: none may hinder it, whatever call they interrupt. */
import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { request, runContainer } from './library.ts';

test('boxes are made in a process that is sent signals all the time', async () => {
  const ignore = (): void => undefined;
  process.on('SIGWINCH', ignore);
  const script = `while kill -WINCH ${process.pid}; do :; done`;
  const storm = spawn('sh', ['-c', script], { stdio: 'ignore' });
  onTestFinished(() => {
    storm.kill();
    process.off('SIGWINCH', ignore);
  });
  const { spec, ...others } = request(['true']);
  // Rules of their own, so that each box has its own device filter to be verified by the kernel.
  for (let minor = 0; minor < 40; minor++) {
    const devices = [{ allow: true, type: 'c', major: 1, minor, access: 'r' } as const];
    const linux = { ...spec.linux, resources: { devices } };
    const exit = await runContainer({ ...others, spec: { ...spec, linux } });
    expect(exit).toEqual({ kind: 'exited', code: 0 });
  }
});

/** Runs boxes in this very process, through the library as it is built. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import type * as library from '../../src/index.ts';
import type { Box, Exit, Sandbox } from '../../src/index.ts';
import { starter } from './tsbox.ts';

/** The built one: it has its native parts beside it. */
export const tsbox: typeof library = await import(
  new URL('../../dist/index.js', import.meta.url).href
);

const { findDevices, imageFacts, noOptions, specFromOptions, startContainer, Timeline } = tsbox;

const facts = imageFacts(starter.image);

export function request(
  command: readonly string[],
  options: Partial<Parameters<typeof specFromOptions>[0]> = {},
): ReturnType<typeof specFromOptions> {
  const caller = { env: {}, cwd: '/', findDevices, ids: { ...tsbox.plainRoot, ...starter.caller } };
  return specFromOptions({ ...noOptions, ...options, command }, facts, caller);
}

/** Runs a container whose streams are /dev/null. @param meanwhile what is done while it runs. */
export async function runContainer(
  box: ReturnType<typeof request> & Pick<Box, 'watch'>,
  makePlan = tsbox.planContainer,
  meanwhile = (running: Sandbox): Promise<Exit> => running.wait(),
  say: (message: string) => void = expect.fail,
): Promise<Exit> {
  const fd = openSync('/dev/null', 'r+');
  try {
    const stdio = { stdin: fd, stdout: fd, stderr: fd };
    const timeline = new Timeline();
    return await meanwhile(await startContainer(box, stdio, timeline, say, undefined, makePlan));
  } finally {
    closeSync(fd);
  }
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

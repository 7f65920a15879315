/** Carries out what only the parent can do, on the host (src/plan/action.ts). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { removeCgroupTree } from '../linux/cgroup.ts';
import { SyscallError } from '../linux/native.ts';
import { type HostAction, PID, printAction } from '../plan/action.ts';
import { BoxError } from './errors.ts';

/** What the actions have made: to be handed to the child. */
export interface Made {
  /** Descriptor of the image as an idmapped mount. */
  image?: number;
}

/**
 * @param idmap makes an idmapped mount of a directory and returns its descriptor.
 * @throws BoxError that names the action.
 */
export async function carryOut(
  actions: readonly HostAction[],
  pid: number,
  idmap: (path: string) => Promise<number>,
): Promise<Made> {
  const made: Made = {};
  for (const action of actions) {
    try {
      if (action.call === 'copy') await copy(action.path, action.to);
      else if (action.call === 'rmdir') await removeCgroupTree(action.path);
      else if (action.call === 'idmap') made.image = await idmap(action.path);
      else if (action.call === 'mkdir') mkdirSync(action.path, { recursive: true });
      else writeFileSync(action.path.replace(PID, String(pid)), action.data);
    } catch (error) {
      if (action.call === 'write' && action.optional) continue;
      throw failed(action, error);
    }
  }
  return made;
}

function failed(action: HostAction, error: unknown): BoxError {
  const reason = error instanceof SyscallError ? error.message : (error as Error).message;
  const hint = action.call === 'write' ? action.hint : undefined;
  return new BoxError(
    [
      `${action.call} failed: ${reason}`,
      `  call: ${printAction(action)}`,
      `  why it is made: ${action.why}`,
      ...(hint === undefined ? [] : [`  what to do: ${hint}`]),
    ].join('\n'),
    { cause: error },
  );
}

async function copy(from: string, to: string): Promise<void> {
  const { execa } = await import('execa');
  await execa('cp', ['-a', '--reflink=auto', '--', from, to]);
}

/** For actions of which none maps ids. */
export async function notHere(): Promise<number> {
  throw new Error('an idmapped mount is made before the clone');
}

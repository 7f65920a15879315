/** Keeps the guest's /etc/hosts as tsbox has it on the host, while other boxes come and go. */
import { readFileSync, watch } from 'node:fs';
import type { Session } from './session.ts';

/**
 * @param path of the box's file on the host, which is changed in place.
 * @returns what ends it.
 * @throws Error where the kernel has no watch left for it: inotify(7).
 */
export function followHosts(path: string, session: Session): () => void {
  let last: Uint8Array | undefined;
  const look = (): void => {
    const text = readIfThere(path);
    if (text === undefined || (last !== undefined && text.equals(last))) return;
    session.changeHosts(text);
    last = text;
  };
  const watcher = watch(path, { persistent: false }, look);
  look();
  return () => watcher.close();
}

/** Somebody may have emptied the directory of tsbox's state. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

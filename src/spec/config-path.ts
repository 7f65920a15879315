/** Paths in a configuration. */
import type { JsonObject } from './json.ts';

/** Has `path` be a problem unless it is absolute; one that is absent was one already. */
export function absolutePath(object: JsonObject, key: string, path: string | undefined): void {
  if (path !== undefined && !path.startsWith('/'))
    object.problem(key, `${JSON.stringify(path)}: not an absolute path`);
}

/** @returns an empty path where it is missing, which is a problem by then. */
export function absoluteText(object: JsonObject, key: string): string {
  const path = object.text(key);
  absolutePath(object, key, path);
  return path ?? '';
}

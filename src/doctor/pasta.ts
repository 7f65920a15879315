/** What networks of users without root need. */
import type { Tool } from '../sandbox/tool.ts';
import { TUN_DEVICE } from '../spec/network.ts';
import { type Check, limited, ok } from './check.ts';

/**
 * @param path where it is; undefined when it is not installed.
 * @param closed why /dev/net/tun cannot be opened; undefined where it can, or nobody needs it.
 * @param open what lets it be opened.
 */
export function checkPasta(
  { name, places, users, mend }: Tool,
  path: string | undefined,
  closed: string | undefined,
  open: string,
): Check {
  const use = 'some options';
  const without = `${users} needs it: boxes of users without root have no network without`;
  if (path === undefined) return limited(name, use, `not in ${places.join(', ')}`, without, mend);
  if (closed === undefined) return ok(name, use, path);
  return limited(name, use, `${path}, and ${TUN_DEVICE}: ${closed}`, without, open);
}

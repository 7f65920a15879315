/** `hooks` of an OCI configuration (config.md, "POSIX-platform Hooks"). */
import { absoluteText } from './config-path.ts';
import { readEnv } from './config-process.ts';
import type { JsonObject } from './json.ts';
import type { Hook, HookKind, Hooks } from './spec.ts';

const kinds: readonly HookKind[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

/** Seconds: the longest delay of a timer, in milliseconds, has 31 bits. */
const LONGEST = 2_147_483n;

/** undefined where there is none. */
export function readHooks(config: JsonObject): Hooks | undefined {
  const hooks = config.object('hooks');
  hooks.ignoreOthers(kinds);
  const lists = kinds.flatMap((kind) => {
    const list = hooks.objects(kind).map(readHook);
    return list.length === 0 ? [] : [[kind, list] as const];
  });
  return lists.length === 0 ? undefined : Object.fromEntries(lists);
}

function readHook(hook: JsonObject): Hook {
  hook.ignoreOthers(['path', 'args', 'env', 'timeout']);
  const args = hook.texts('args');
  const timeout = hook.has('timeout') ? hook.integer('timeout', LONGEST, 1n) : undefined;
  return {
    path: absoluteText(hook, 'path'),
    ...(args.length === 0 ? {} : { args }),
    ...(hook.has('env') ? { env: readEnv(hook) } : {}),
    ...(timeout === undefined ? {} : { timeout: Number(timeout) }),
  };
}

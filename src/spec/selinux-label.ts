/** `--security-opt label=…`: an SELinux context, put together from its parts as podman does. */
import { SpecError } from './errors.ts';

/** Parts of the context that were asked for; `disabled` for none. */
export type Label =
  | 'disabled'
  | Partial<Record<'user' | 'role' | 'type' | 'level' | 'filetype', string>>;

/** Podman's, of the policy that every distribution with SELinux has; no category, so that files are shared. */
const ordinary = { user: 'system_u', role: 'system_r', type: 'container_t', level: 's0' } as const;

/** `disable`, or one part such as `type:container_t`. @throws SpecError */
export function parseLabel(value: string, word: string): Label {
  if (value === 'disable') return 'disabled';
  const [, part = '', text = ''] = /^(user|role|type|level|filetype):(.+)$/.exec(value) ?? [];
  const form = part === 'level' ? /^[a-z0-9.,:-]+$/ : /^[A-Za-z0-9_.-]+$/;
  if (form.test(text)) return { [part]: text };
  throw new SpecError([
    `--security-opt ${word}: label=disable, label=user:NAME, label=role:NAME, label=type:NAME, label=filetype:NAME and label=level:LEVEL are known`,
  ]);
}

/** What several words ask for together. */
export function mergeLabels(labels: readonly Label[]): Label | undefined {
  if (labels.length === 0) return undefined;
  return labels.includes('disabled') ? 'disabled' : (Object.assign({}, ...labels) as Label);
}

/** The process's context. */
export function readLabel(label: Label | undefined): string | undefined {
  if (label === undefined || label === 'disabled') return undefined;
  const { user, role, type, level } = { ...ordinary, ...label };
  return `${user}:${role}:${type}:${level}`;
}

/** That of files which the process may use: without a type, the one that the policy pairs with `container_t`. */
export function mountLabel(label: Label | undefined): string | undefined {
  if (label === undefined || label === 'disabled') return undefined;
  const { user, level, filetype = 'container_file_t' } = { ...ordinary, ...label };
  return `${user}:object_r:${filetype}:${level}`;
}

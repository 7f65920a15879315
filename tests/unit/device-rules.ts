/** Rules about devices, arbitrary ones, and what the OCI's text says that a list of them means. */
import fc from 'fast-check';
import type { DeviceRule } from '../../src/spec/spec.ts';

export interface Attempt {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Of `r`, `w` and `m`: what is asked for at once. */
  readonly access: string;
}

/** Every letter of the access by itself: the last rule about it decides, and none means no. */
export function permits(rules: readonly DeviceRule[], { access, ...device }: Attempt): boolean {
  return [...access].every((letter) => {
    let allowed = false;
    for (const rule of rules) if (isAbout(rule, device, letter)) allowed = rule.allow;
    return allowed;
  });
}

function isAbout(rule: DeviceRule, device: Omit<Attempt, 'access'>, letter: string): boolean {
  if (rule.type !== undefined && rule.type !== 'a' && rule.type !== device.type) return false;
  if (rule.major !== undefined && rule.major !== device.major) return false;
  if (rule.minor !== undefined && rule.minor !== device.minor) return false;
  return rule.access === undefined || rule.access.includes(letter);
}

/** @param numbers of devices, from which rules pick, so that they are often about the same ones. */
export function anyRules(numbers: readonly number[]): fc.Arbitrary<DeviceRule[]> {
  const number = fc.constantFrom(...numbers);
  const access = fc.constantFrom('r', 'w', 'm', 'rw', 'mr', 'wm', 'rwm');
  const rule = fc.record(
    {
      allow: fc.boolean(),
      type: fc.constantFrom('a', 'b', 'c'),
      major: number,
      minor: number,
      access,
    },
    { requiredKeys: ['allow'] },
  ) as fc.Arbitrary<DeviceRule>;
  return fc.array(rule, { maxLength: 12 });
}

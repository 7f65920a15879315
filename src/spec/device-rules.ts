/** What a list of rules about devices says: applied in order, beginning with nothing allowed. */
import type { Device, DeviceRule } from './spec.ts';

/** Whether the rules allow one access, `r`, `w` or `m`, to a device: the last of those about it decides. */
export function allows(
  rules: readonly DeviceRule[],
  { type, major, minor }: Device,
  access: string,
): boolean {
  const last = rules.findLast(
    (rule) =>
      [undefined, 'a', type === 'u' ? 'c' : type].includes(rule.type) &&
      [undefined, major].includes(rule.major) &&
      [undefined, minor].includes(rule.minor) &&
      (rule.access ?? 'rwm').includes(access),
  );
  return last?.allow ?? false;
}

/** `allow c 1:3 rwm` */
export function printRule({ allow, type = 'a', major, minor, access = 'rwm' }: DeviceRule): string {
  return `${allow ? 'allow' : 'deny'} ${type} ${major ?? '*'}:${minor ?? '*'} ${access}`;
}

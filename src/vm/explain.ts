import { BoxError } from '../sandbox/errors.ts';

export function explainVm(): string {
  throw new BoxError('--vm: this version has no micro-VM driver yet: leave --vm out');
}

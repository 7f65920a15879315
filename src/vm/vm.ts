/** The micro-VM driver. */
import { BoxError } from '../sandbox/errors.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

export async function startVm(): Promise<Sandbox> {
  throw new BoxError('--vm: this version has no micro-VM driver yet: leave --vm out');
}

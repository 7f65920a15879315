/** Whether a process has the rights of its user namespace: user_namespaces(7), "Capabilities". */
import { prctl } from '../plan/calls.ts';
import { type Step, step } from '../plan/step.ts';

/** No kernel has a capability of this number: with the right to drop one the error is EINVAL, else EPERM. */
const NO_CAPABILITY = 1000;

/** Changes nothing, and is a call that filters leave alone. */
export const power: Step = step(
  prctl('PR_CAPBSET_DROP', NO_CAPABILITY),
  'fails without CAP_SETPCAP only',
  { accept: ['EINVAL'] },
);

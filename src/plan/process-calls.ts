/** The calls by which a process gives itself priorities, a keyring and walls: see calls.ts. */
import * as abi from '../abi/flags.ts';
import {
  IOPRIO_CLASS_SHIFT,
  ioPriorityClasses,
  personalities,
  schedulerFlags,
  schedulerPolicies,
} from '../abi/scheduling.ts';
import type { IoPriority, Scheduler } from '../spec/spec.ts';
import { flags, NULL, number, slot, structure, type Words, ZERO } from './arguments.ts';
import type { Call, Slot } from './step.ts';

/** sched_setattr(2) of the calling thread. */
export function schedSetattr(scheduler: Scheduler): Call {
  const { policy, nice = 0, priority = 0 } = scheduler;
  const { flags: words = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const attributes = flags(schedulerFlags, words);
  const value = new Uint8Array(SCHED_ATTR_SIZE);
  const view = new DataView(value.buffer);
  view.setUint32(0, SCHED_ATTR_SIZE, true);
  view.setUint32(4, schedulerPolicies[policy], true);
  view.setUint32(8, attributes.value, true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  [runtime, deadline, period].forEach((time, index) => {
    view.setBigUint64(24 + index * 8, BigInt(time), true);
  });
  const text = `{sched_policy=${policy}, sched_flags=${words.join('|') || '0'}, sched_nice=${nice}, sched_priority=${priority}, sched_runtime=${runtime}, sched_deadline=${deadline}, sched_period=${period}}`;
  return { call: 'sched_setattr', args: [ZERO, { kind: 'bytes', value, text }, ZERO] };
}

/** Of `struct sched_attr` without the clamps of utilisation, which the OCI does not name. */
const SCHED_ATTR_SIZE = 48;

/** ioprio_set(2) of the calling thread. */
export function ioprioSet({ class: name, priority }: IoPriority): Call {
  const value = (ioPriorityClasses[name] << IOPRIO_CLASS_SHIFT) | priority;
  const target = flags(abi.ioPriorityTargets, ['IOPRIO_WHO_PROCESS']);
  return { call: 'ioprio_set', args: [target, ZERO, number(value, `${name}|${priority}`)] };
}

export function personality(domain: keyof typeof personalities): Call {
  return { call: 'personality', args: [number(personalities[domain], `PER_${domain}`)] };
}

/** keyctl(2): a new keyring without a name. */
export function joinSessionKeyring(): Call {
  const operation = flags(abi.keyctlOperations, ['KEYCTL_JOIN_SESSION_KEYRING']);
  return { call: 'keyctl', args: [operation, NULL, ZERO, ZERO, ZERO] };
}

/** landlock_create_ruleset(2) */
export function landlockCreateRuleset(scopes: Words<typeof abi.landlockScopes>): Call {
  const attributes = structure({
    handled_access_fs: ZERO,
    handled_access_net: ZERO,
    scoped: flags(abi.landlockScopes, scopes),
  });
  return { call: 'landlock_create_ruleset', args: [attributes, number(24), ZERO] };
}

export function landlockRestrictSelf(ruleset: Slot): Call {
  return { call: 'landlock_restrict_self', args: [slot(ruleset), ZERO] };
}

/** prctl(2), PR_SET_SECUREBITS: these bits, and no other. */
export function setSecureBits(bits: Words<typeof abi.secureBits>): Call {
  const operation = flags(abi.prctlOptions, ['PR_SET_SECUREBITS']);
  return { call: 'prctl', args: [operation, flags(abi.secureBits, bits), ZERO, ZERO, ZERO] };
}

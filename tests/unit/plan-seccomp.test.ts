/** Where the filter of a box stands in its plan, and with which privilege it is installed. */
import { expect, test } from 'vitest';
import { encodePlan } from '../../src/plan/encode.ts';
import type { Host } from '../../src/plan/host.ts';
import { printStep } from '../../src/plan/print.ts';
import type { SeccompFilter } from '../../src/plan/seccomp.ts';
import { container, someFilter, someHost, stepsOf } from './boxes.ts';
import { decode } from './decode-check.ts';

const late = { securityOpt: ['no-new-privileges=false'] };
const listening: SeccompFilter = {
  ...someFilter,
  flags: ['SECCOMP_FILTER_FLAG_NEW_LISTENER'],
};

const { seccomp: _, ...unfiltered } = someHost;

function hostWith(filter: SeccompFilter | undefined): Host {
  return filter === undefined ? unfiltered : { ...unfiltered, seccomp: filter };
}

/** The calls behind the last that has to do with signals, each once. */
function end(own: Parameters<typeof container>[0], filter?: SeccompFilter): string[] {
  const calls = stepsOf(container(own, hostWith(filter))).map(({ call }) => call);
  return [...new Set(calls.slice(calls.lastIndexOf('rt_sigprocmask') + 1))];
}

test.each<[string, Parameters<typeof container>[0], SeccompFilter | undefined, string[]]>([
  ['no filter', {}, undefined, ['execve']],
  ['one', {}, someFilter, ['seccomp', 'execve']],
  ['one that needs a privilege', late, someFilter, ['seccomp', 'capset', 'execve']],
  ['none that would need one', late, undefined, ['execve']],
  ['a listener', {}, listening, ['sendto', 'seccomp', 'hold', 'execve']],
  ['both', late, listening, ['sendto', 'seccomp', 'hold', 'capset', 'execve']],
])('between signals and the workload: %s', (_, own, filter, calls) => {
  expect(end(own, filter)).toEqual(calls);
});

test('CAP_SYS_ADMIN is held for as long as the filter needs it, and without one never', () => {
  const capsets = (filter?: SeccompFilter) =>
    stepsOf(container({ ...late, user: '1000' }, hostWith(filter)))
      .filter(({ call }) => call === 'capset')
      .map((step) => /effective=([^,]*)/.exec(printStep(step))?.[1]);
  expect(capsets(someFilter)).toEqual(['CAP_SYS_ADMIN', '0']);
  expect(capsets()).toEqual(['0']);
});

test('the filter’s program comes to the interpreter as it is', () => {
  const program = Uint8Array.from({ length: 8 * 600 }, (_, index) => index % 251);
  const steps = stepsOf(container({}, hostWith({ ...someFilter, program })));
  const index = steps.findIndex(({ call }) => call === 'seccomp');
  const { data, steps: decoded } = decode(encodePlan(steps, 'x64'));
  const bytes = Buffer.from(data, 'hex');
  // struct sock_fprog: the number of instructions, to eight bytes, and where they are.
  const at = Number(decoded[index]?.args[2]?.value);
  expect(bytes.readBigUInt64LE(at)).toBe(600n);
  const start = Number(bytes.readBigUInt64LE(at + 8));
  expect(bytes.subarray(start, start + program.length)).toEqual(Buffer.from(program));
});

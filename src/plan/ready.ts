/** Whether a server listens at the loopback interface: what init of a guest tries for the host. */
import type { Address } from '../spec/addresses.ts';
import { close, getDescriptorFlags } from './calls.ts';
import { connectPort, socketTcp } from './network-calls.ts';
import { type Section, step } from './step.ts';

const loopback: Address = { family: 4, value: 0x7f000001n };

/** No descriptor. */
const NONE = -1;

/** Fails where nobody does. */
export function connectHere(port: number): Section[] {
  return [
    {
      title: 'Readiness',
      steps: [
        step(socketTcp(), 'as a client', { into: 'client' }),
        step(connectPort('client', loopback, port), 'if somebody listens', {
          into: 'connected',
          accept: ['ECONNREFUSED'],
        }),
        step(close('client'), 'that is all'),
        step(getDescriptorFlags(NONE), 'fails, if nobody did', { unless: 'connected' }),
      ],
    },
  ];
}

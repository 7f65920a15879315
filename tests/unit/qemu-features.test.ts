/** What a QEMU's answers say that it has. */
import { expect, test } from 'vitest';
import { type Answer, questions, readAnswers } from '../../src/vm/qemu/features.ts';

interface Has {
  readonly machines?: readonly string[];
  readonly devices?: readonly string[];
  readonly accelerators?: readonly string[];
  readonly memory?: readonly string[];
  readonly sandbox?: boolean;
  readonly backEnds?: readonly string[];
  readonly maker?: string;
}

const named = (names: readonly string[] = []): Answer => ({
  return: names.map((name) => ({ name })),
});

/** In the order of the questions. */
function answers(has: Has): Answer[] {
  return [
    { return: {} },
    { return: { qemu: { major: 9, minor: 1, micro: 2 }, package: has.maker ?? '' } },
    named(has.machines),
    named(has.devices),
    named(has.accelerators),
    named(has.memory),
    has.sandbox ? { return: [{ option: 'sandbox' }] } : { error: { class: 'GenericError' } },
    {
      return: [
        { 'meta-type': 'enum', members: [{ name: 'stream' }, { name: 'other' }] },
        { 'meta-type': 'object', members: [{ name: 'tap' }, { name: 'stream' }] },
        {
          'meta-type': 'enum',
          members: ['hubport', 'tap', ...(has.backEnds ?? [])].map((name) => ({ name })),
        },
      ],
    },
    { return: {} },
  ];
}

test('there is an answer to each question', () => {
  expect(answers({})).toHaveLength(questions.length);
});

test.each<[string, Has]>([
  ['microvm', { machines: ['none-machine', 'microvm-machine'] }],
  ['kvm', { accelerators: ['accel', 'kvm-accel'] }],
  ['tcg', { accelerators: ['tcg-accel', 'accel'] }],
  ['sandbox', { sandbox: true }],
  ['stream', { backEnds: ['stream', 'dgram'] }],
  ['vhost-user-fs', { devices: ['virtio-net-device', 'vhost-user-fs-device'] }],
  ['9p', { devices: ['virtio-9p-device'] }],
  ['rom=off', { memory: ['share', 'rom'] }],
  ['private-read-only', { maker: 'tsbox, private memory read-only' }],
])('%s', (feature, has) => {
  expect(readAnswers(answers(has))).toEqual({
    version: '9.1.2',
    maker: has.maker ?? '',
    features: [feature],
  });
});

test.each<[string, Has]>([
  ['a machine of a longer name', { machines: ['xmicrovm-machine', 'microvm-machine2'] }],
  ['a device on another bus', { devices: ['vhost-user-fs-pci', 'virtio-9p-pci'] }],
  ['memory that can be read-only, and then is so for the guest', { memory: ['readonly'] }],
])('%s is none of them', (_, has) => {
  expect(readAnswers(answers(has))?.features).toEqual([]);
});

test.each<[string, readonly Answer[]]>([
  ['none', []],
  ['no version', [{ return: {} }, { error: {} }]],
  ['another kind of version', [{ return: {} }, { return: 7 }]],
  ['nothing as a version', [{ return: {} }, { return: null }]],
])('%s: that is no QEMU', (_, wrong) => {
  expect(readAnswers(wrong)).toBeUndefined();
});

test('answers of another shape are features that are missing', () => {
  const wrong = answers({ maker: 'strange' }).map((answer, at) =>
    at === 1 ? answer : { return: at % 2 === 0 ? {} : [null, 7, { members: 'none' }] },
  );
  expect(readAnswers(wrong)?.features.filter((feature) => feature !== 'sandbox')).toEqual([]);
});

test('answers that are missing are features that are', () => {
  expect(readAnswers(answers({ machines: ['microvm-machine'] }).slice(0, 3))?.features).toEqual([
    'microvm',
  ]);
});

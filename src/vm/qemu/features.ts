/** What a QEMU may have or lack, and where it says so itself: no list of versions, which distributions change. */

/** Each with its words for people. */
export const features = {
  microvm: 'the machine "microvm"',
  kvm: 'KVM',
  tcg: 'TCG, which translates the guest where there is no KVM',
  sandbox: 'a filter of its own system calls (-sandbox)',
  stream: 'the network back end "stream"',
  'vhost-user-fs': 'the device vhost-user-fs, by which virtiofsd serves volumes',
  '9p': 'the device virtio-9p',
  'rom=off': 'memory that is private and comes from a file that is open for reading alone',
  'private-read-only': 'the same, for all memory that is private',
} as const;

/** In the name that qemu/build gives what it has built so. */
const PRIVATE_READ_ONLY = 'private memory read-only';

export type Feature = keyof typeof features;

/** The commands of QMP ("QEMU QMP Reference Manual") whose answers tell, in this order. */
export const questions = [
  { execute: 'qmp_capabilities' },
  { execute: 'query-version' },
  ...['machine', 'virtio-device', 'accel'].map((kind) => ({
    execute: 'qom-list-types',
    arguments: { implements: kind },
  })),
  { execute: 'qom-list-properties', arguments: { typename: 'memory-backend-file' } },
  { execute: 'query-command-line-options', arguments: { option: 'sandbox' } },
  { execute: 'query-qmp-schema' },
  { execute: 'quit' },
] as const;

export interface Told {
  /** As in `7.2.22`. */
  readonly version: string;
  /** Who made it, of what: empty where it does not say. */
  readonly maker: string;
  readonly features: readonly Feature[];
}

/** A line of QMP that answers a question, well or badly. */
export interface Answer {
  readonly return?: unknown;
  readonly error?: unknown;
}

interface Version {
  readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
}

/** @param answers to {@link questions}. @returns undefined where they are not those of a QEMU. */
export function readAnswers(answers: readonly Answer[]): Told | undefined {
  const [, version, machines, devices, accelerators, memory, sandbox, schema] = answers;
  const told = version?.return as Version | null | undefined;
  if (told?.qemu === undefined) return undefined;
  const has: Record<Feature, boolean> = {
    microvm: names(machines).includes('microvm-machine'),
    kvm: names(accelerators).includes('kvm-accel'),
    tcg: names(accelerators).includes('tcg-accel'),
    sandbox: sandbox?.return !== undefined,
    stream: networkBackEnds(schema).includes('stream'),
    'vhost-user-fs': names(devices).includes('vhost-user-fs-device'),
    '9p': names(devices).includes('virtio-9p-device'),
    'rom=off': names(memory).includes('rom'),
    'private-read-only': told.package.includes(PRIVATE_READ_ONLY),
  };
  const { major, minor, micro } = told.qemu;
  return {
    version: `${major}.${minor}.${micro}`,
    maker: told.package,
    features: (Object.keys(has) as Feature[]).filter((feature) => has[feature]),
  };
}

function names(answer: Answer | undefined): unknown[] {
  return list(answer?.return).map((each) => (each as { readonly name?: unknown } | null)?.name);
}

/** The enumeration that has "hubport" in it: types have no names in the schema. */
function networkBackEnds(answer: Answer | undefined): unknown[] {
  const members = list(answer?.return).map((entry) =>
    names({ return: (entry as { readonly members?: unknown } | null)?.members }),
  );
  return members.find((found) => found.includes('hubport') && found.includes('tap')) ?? [];
}

function list(content: unknown): readonly unknown[] {
  return Array.isArray(content) ? content : [];
}

/**
 * Messages of rtnetlink(7) as data: made into the kernel's bytes, and into text for people. What is
 * known only when a message is sent, as the number of an interface, is named in it.
 */
import * as abi from '../abi/netlink.ts';
import { type Address, addressBytes, printAddress } from '../spec/addresses.ts';

export type Value =
  | {
      readonly kind: 'number';
      readonly size: 1 | 2 | 4;
      readonly value: number;
      /** The machine's own if absent. */
      readonly order?: 'network';
    }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'address'; readonly value: Address }
  | { readonly kind: 'hardware address'; readonly value: Uint8Array }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  /** The number of the interface of this name, where the message is sent. */
  | { readonly kind: 'index of'; readonly name: string }
  /** The process id of the box's first process. */
  | { readonly kind: 'pid' }
  /** Attributes, behind a structure where there has to be one. */
  | { readonly kind: 'nested'; readonly header?: Header; readonly attributes: Attributes };

/** By their names, in their order; the number of each is in the first element. */
export type Attributes = readonly (readonly [name: string, number: number, value: Value])[];

type Field = Extract<Value, { readonly kind: 'number' | 'index of' }>;

/** The fields of a structure by their names, each as long as it says, an index four bytes. */
export type Header = readonly (readonly [name: string, value: Field])[];

export interface Message {
  readonly type: keyof typeof abi.messageTypes;
  readonly flags: readonly (keyof typeof abi.messageFlags)[];
  readonly header: Header;
  readonly attributes: Attributes;
}

/** What a message names. */
export interface Known {
  readonly pid?: number | undefined;
  /** @throws Error where there is no such interface. */
  readonly indexOf: (name: string) => number;
}

const number = <Size extends 1 | 2 | 4>(size: Size, value: number) =>
  ({ kind: 'number', size, value }) as const;
export const byte = (value: number): Field => number(1, value);
export const half = (value: number): Field => number(2, value);
export const word = (value: number): Field => number(4, value);
/** As the packet filter wants its numbers; negative ones, too. */
export const networkHalf = (value: number): Field => ({ ...number(2, value), order: 'network' });
export const networkWord = (value: number): Field => ({
  ...number(4, value >>> 0),
  order: 'network',
});
export const text = (value: string): Value => ({ kind: 'text', value });

/** Length of `struct nlmsghdr`: length, type, flags, sequence number, port. */
export const MESSAGE_HEADER = 16;
const ATTRIBUTE_HEADER = 4;

/** @param sequence by which an answer is known. */
export function encodeMessage(message: Message, sequence: number, known: Known): Buffer {
  const body = encodeBody(message.header, message.attributes, known);
  const header = Buffer.alloc(MESSAGE_HEADER);
  header.writeUInt32LE(MESSAGE_HEADER + body.length, 0);
  header.writeUInt16LE(abi.messageTypes[message.type], 4);
  const flags = message.flags.reduce((sum, flag) => sum | abi.messageFlags[flag], 0);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

function encodeBody(header: Header, attributes: Attributes, known: Known): Buffer {
  return Buffer.concat([
    padded(Buffer.concat(header.map(([, field]) => encodeValue(field, known)))),
    ...attributes.map(([, number, value]) => padded(encodeAttribute(number, value, known))),
  ]);
}

/** `struct nlattr`: the length without padding, the number. */
function encodeAttribute(number: number, value: Value, known: Known): Buffer {
  const payload = encodeValue(value, known);
  const header = Buffer.alloc(ATTRIBUTE_HEADER);
  header.writeUInt16LE(ATTRIBUTE_HEADER + payload.length, 0);
  header.writeUInt16LE(number, 2);
  return Buffer.concat([header, payload]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function encodeValue(value: Value, known: Known): Buffer {
  switch (value.kind) {
    case 'number':
      return numberBytes(value.value, value.size, value.order);
    case 'text':
      return Buffer.from(`${value.value}\0`);
    case 'address':
      return Buffer.from(addressBytes(value.value));
    case 'hardware address':
    case 'bytes':
      return Buffer.from(value.value);
    case 'index of':
      return numberBytes(known.indexOf(value.name), 4);
    case 'pid':
      return numberBytes(known.pid ?? 0, 4);
    case 'nested':
      return encodeBody(value.header ?? [], value.attributes, known);
  }
}

function numberBytes(value: number, size: 1 | 2 | 4, order?: 'network'): Buffer {
  const bytes = Buffer.alloc(size);
  if (order === 'network') bytes.writeUIntBE(value, 0, size);
  else bytes.writeUIntLE(value, 0, size);
  return bytes;
}

/** `{RTM_NEWADDR, {ifa_family=2, …}, {IFA_LOCAL=10.90.0.1}}`: fields that are zero are left out. */
export function printMessage({ type, header, attributes }: Message): string {
  return `{${[type, ...printBody(header, attributes)].join(', ')}}`;
}

function printBody(header: Header, attributes: Attributes): string[] {
  const named = (name: string, value: Value) => `${name}=${printValue(value)}`;
  const fields = header.filter(([, field]) => field.kind !== 'number' || field.value !== 0);
  return [
    ...(fields.length === 0
      ? []
      : [`{${fields.map(([name, field]) => named(name, field)).join(', ')}}`]),
    ...attributes.map(([name, , value]) => named(name, value)),
  ];
}

/** `02:74:0a:5a:00:02` */
export function printHardwareAddress(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/..(?!$)/g, '$&:');
}

function printValue(value: Value): string {
  switch (value.kind) {
    case 'number':
      return String(value.value);
    case 'text':
      return JSON.stringify(value.value);
    case 'address':
      return printAddress(value.value);
    case 'hardware address':
      return printHardwareAddress(value.value);
    case 'bytes':
      return `0x${Buffer.from(value.value).toString('hex')}`;
    case 'index of':
      return `if_nametoindex(${JSON.stringify(value.name)})`;
    case 'pid':
      return '$PID';
    case 'nested':
      return `{${printBody(value.header ?? [], value.attributes).join(', ')}}`;
  }
}

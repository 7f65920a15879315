import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressBytes,
  addressFromBytes,
  overlap,
  parseAddress,
  parseSubnet,
  printAddress,
  printSubnet,
} from '../../src/spec/addresses.ts';

const printed = (text: string) => {
  const address = parseAddress(text);
  return address === undefined ? undefined : printAddress(address);
};

test.each([
  ['10.90.0.1', '10.90.0.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
])('%s is %s', (text, canonical) => {
  expect(printed(text)).toBe(canonical);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4 ',
  '1..2.3',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '::12345',
  '::g',
  '::1.2.3',
  '1.2.3.4::',
  '::1%eth0',
  'a; drop',
])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('every address is read as it is printed, and as it is sent', () => {
  const address = fc.oneof(
    fc.record({ family: fc.constant(4 as const), value: fc.bigInt(0n, 2n ** 32n - 1n) }),
    fc.record({ family: fc.constant(6 as const), value: fc.bigInt(0n, 2n ** 128n - 1n) }),
  );
  fc.assert(
    fc.property(address, (each) => {
      expect(parseAddress(printAddress(each))).toEqual(each);
      expect(addressFromBytes(addressBytes(each))).toEqual(each);
    }),
  );
});

test.each([
  ['10.90.0.0/24', '10.90.0.0/24'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['fd00::/64', 'fd00::/64'],
  ['10.90.0.1/24', undefined],
  ['10.90.0.0/33', undefined],
  ['10.90.0.0', undefined],
  ['10.90.0.0/24/1', undefined],
  ['10.90.0.0/-1', undefined],
  ['fd00::/129', undefined],
])('the subnet %s is %s', (text, expected) => {
  const subnet = parseSubnet(text);
  expect(subnet === undefined ? undefined : printSubnet(subnet)).toBe(expected);
});

test.each([
  ['10.90.0.0/24', '10.90.0.128/25', true],
  ['10.90.0.128/25', '10.90.0.0/24', true],
  ['10.90.0.0/24', '10.90.1.0/24', false],
  ['10.90.0.0/25', '10.90.0.128/25', false],
  ['0.0.0.0/0', '10.90.0.0/24', true],
  ['::/0', '10.90.0.0/24', false],
])('%s and %s overlap: %s', (one, other, expected) => {
  const [first, second] = [parseSubnet(one), parseSubnet(other)];
  if (first === undefined || second === undefined) throw new Error('no subnet');
  expect(overlap(first, second)).toBe(expected);
});

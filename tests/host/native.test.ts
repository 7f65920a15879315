/** The native module as TypeScript calls it: what it is given, and what it refuses. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { syscallNumbers } from '../../src/abi/syscalls.ts';
import { address, launch, syscall } from './native.ts';

const numbers = syscallNumbers[process.arch === 'arm64' ? 'arm64' : 'x64'];

const AT_FDCWD = -100;

test('numbers, big or negative, are passed as they are', () => {
  const buffer = Buffer.alloc(8);
  expect(syscall(numbers.getrandom, buffer, buffer.length, 0)).toBe(8);
  expect(syscall(numbers.getrandom, buffer, 8n, 0n)).toBe(8);
  expect(syscall(numbers.close, -1)).toBe(-9);
  expect(syscall(numbers.close_range, 0xffff_fff0, 0xffff_ffff, 0)).toBe(0);
});

test('a string is passed with its final zero, in UTF-8, and an array is read and written', () => {
  const fd = syscall(numbers.memfd_create, 'é', 0);
  expect(fd).toBeGreaterThan(2);
  expect(readFileSync(`/proc/self/fd/${fd}`, 'utf8')).toBe('');
  expect(syscall(numbers.openat, AT_FDCWD, '/no/such/file', 0, 0)).toBe(-2);
  const bytes = new Uint8Array(8);
  const link = syscall(numbers.openat, AT_FDCWD, '/proc/self/comm', 0, null);
  expect(syscall(numbers.read, link, bytes.subarray(2), 4)).toBe(4);
  expect(bytes.subarray(0, 2)).toEqual(new Uint8Array(2));
  expect(Buffer.from(bytes).toString('latin1', 2, 6)).toBe(
    readFileSync('/proc/self/comm', 'latin1').slice(0, 4),
  );
  for (const each of [fd, link]) expect(syscall(numbers.close, each)).toBe(0);
});

const long = 'é'.repeat(4096);
test.each([
  ['a string with a zero in it', ['/etc\0/passwd'], /cannot hold a zero/],
  ['a string that is too long', [long], /too long/],
  ['strings that are too long together', [long.slice(0, 2040), long.slice(0, 2060)], /too long/],
  ['an object', [{}], /no typed array/],
  ['an ArrayBuffer', [new ArrayBuffer(8)], /no typed array/],
  ['a symbol', [Symbol('x')], /not an argument/],
  ['a function', [() => 0], /not an argument/],
  ['a boolean', [true], /not an argument/],
])('%s is no argument of a system call', (_, words, message) => {
  expect(() => syscall(numbers.openat, AT_FDCWD, ...words)).toThrow(message);
  expect(() => syscall(numbers.openat, AT_FDCWD, ...words)).toThrow(TypeError);
});

test.each([
  ['too few bytes', new Uint8Array(87), new Int32Array(1)],
  ['other arrays', new Float64Array(11), new Int32Array(1)],
  ['no arrays', undefined, undefined],
  ['descriptors of another width', new Uint8Array(88), new Uint8Array(1)],
])('nothing is cloned from %s', (_, args, files) => {
  expect(() => launch(args, files)).toThrow(TypeError);
});

test.each([0, 65])('nothing is cloned with %d descriptors', (count) => {
  expect(launch(new Uint8Array(88), new Int32Array(count))).toBe(-22);
});

test('the address of an array is that of its first byte', () => {
  const array = new Uint8Array(16);
  expect(address(array.subarray(4)) - address(array)).toBe(4n);
  expect(() => address('text')).toThrow(TypeError);
});

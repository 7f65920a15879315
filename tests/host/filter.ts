/** The kernel's verdict of a seccomp filter, by a small interpreter of its instructions (linux/filter.h). */
import { createRequire } from 'node:module';
import type { Libseccomp } from '../../src/linux/libseccomp.ts';
import type * as make from '../../src/seccomp/make.ts';

const top = new URL('../../dist/', import.meta.url).pathname;

/** As it is built: it has its native part beside it. */
export const { makeFilter }: typeof make = createRequire(import.meta.url)(`${top}seccomp.cjs`);

const module = { exports: {} as Libseccomp };
process.dlopen(module, `${top}native/seccomp.node`);
export const library = module.exports;

/** `struct seccomp_data` without the instruction pointer. */
export interface Made {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly (number | bigint)[];
}

export const ALLOW = 0x7fff0000;
export const errno = (number: number): number => 0x50000 + number;

const CODE = {
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  equal: 0x15,
  greater: 0x25,
  least: 0x35,
  set: 0x45,
};

/** @returns the SECCOMP_RET value. @throws Error for what the kernel would not load either. */
export function verdict(program: Uint8Array, made: Made): number {
  const data = dataOf(made);
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  let word = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint16(at, true);
    const k = view.getUint32(at + 4, true);
    const go = (holds: boolean) => {
      at += 8 * view.getUint8(at + (holds ? 2 : 3));
    };
    if (code === CODE.load) word = data.readUInt32LE(k);
    else if (code === CODE.and) word = (word & k) >>> 0;
    else if (code === CODE.jump) at += 8 * k;
    else if (code === CODE.equal) go(word === k);
    else if (code === CODE.greater) go(word > k);
    else if (code === CODE.least) go(word >= k);
    else if (code === CODE.set) go((word & k) !== 0);
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${at / 8}: code ${code}`);
  }
  throw new Error('the program has no end');
}

function dataOf({ arch, number, args = [] }: Made): Buffer {
  const data = Buffer.alloc(64);
  data.writeInt32LE(number | 0, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + index * 8);
  });
  return data;
}

/** Filters as they are built, and the answers of their instructions. */
import { createRequire } from 'node:module';
import type { Libseccomp } from '../../src/linux/libseccomp.ts';
import type * as make from '../../src/seccomp/make.ts';
import { type MadeCall, verdict as verdictOf } from '../../src/seccomp/verdict.ts';

const top = new URL('../../dist/', import.meta.url).pathname;

/** As it is built: it has its native part beside it. */
export const { makeFilter }: typeof make = createRequire(import.meta.url)(`${top}seccomp.cjs`);

const module = { exports: {} as Libseccomp };
process.dlopen(module, `${top}native/seccomp.node`);
export const library = module.exports;

export const ALLOW = 0x7fff0000;
export const errno = (number: number): number => 0x50000 + number;

/** The kernel's answer; arguments that are not given are zero. */
export function verdict(
  program: Uint8Array,
  { args = [], ...made }: Omit<MadeCall, 'args'> & { readonly args?: readonly (number | bigint)[] },
): number {
  return verdictOf(program, { ...made, args: args.map(BigInt) });
}

/** The native module as TypeScript calls it. */
interface Native {
  readonly syscall: (number: number, ...words: readonly unknown[]) => number;
  readonly launch: (cloneArgs: unknown, files: unknown) => number;
  readonly address: (array: unknown) => bigint;
}
const module = { exports: {} as Native };
process.dlopen(module, new URL('../../dist/native/tsbox.node', import.meta.url).pathname);
export const { syscall, launch, address } = module.exports;

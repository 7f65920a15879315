/** libseccomp, through a native module of its own (native/seccomp.c): loaded where a profile is compiled. */

/** A filter that is being made: seccomp_init(3). */
export type FilterContext = object & { readonly __filter: never };

/** As native/seccomp.c describes them. */
export interface Libseccomp {
  readonly version: () => string;
  readonly number: (architecture: number, name: string) => number;
  readonly name: (architecture: number, number: number) => string;
  readonly open: (action: number) => FilterContext;
  readonly attribute: (filter: FilterContext, attribute: number, value: number) => number;
  readonly architecture: (filter: FilterContext, token: number, wanted: boolean) => number;
  readonly rule: (
    filter: FilterContext,
    action: number,
    number: number,
    comparisons: BigUint64Array,
  ) => number;
  readonly program: (filter: FilterContext) => Uint8Array | number;
}

let loaded: Libseccomp | undefined;

/** @throws Error that says what to install, where the library is missing. */
export function libseccomp(): Libseccomp {
  if (loaded !== undefined) return loaded;
  const module = { exports: {} as Libseccomp };
  try {
    process.dlopen(module, `${import.meta.dirname}/native/seccomp.node`);
  } catch (error) {
    throw new Error(
      `libseccomp cannot be loaded, which compiles seccomp profiles other than tsbox's own: ${(error as Error).message}: install it (Debian's package libseccomp2)`,
      { cause: error },
    );
  }
  loaded = module.exports;
  return loaded;
}

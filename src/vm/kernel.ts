/** The guest's kernel and the drivers that it needs, as kernel/unpack lays them out. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';
import type { Premises } from './premises.ts';

export interface GuestKernel {
  /** What QEMU boots. */
  readonly image: string;
  /** Where its drivers are. */
  readonly modules: string;
  /** Whether it finds its devices by tables of ACPI, or on its command line. */
  readonly acpi: boolean;
}

export interface Module {
  readonly name: string;
  readonly path: string;
}

export function kernelsIn(data: string): string {
  return join(data, 'kernels');
}

export const kernelName = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** The link to the one that is used where none is named. */
export const CURRENT = 'current';

/** What QEMU boots of a kernel's directory: without decompression, if there is such a one. */
export function kernelImage(directory: string): string | undefined {
  return ['vmlinux', 'vmlinuz'].map((name) => join(directory, name)).find(existsSync);
}

/** @param name of one of several. @throws BoxError when there is none. */
export function findKernel(data: string, name: string = CURRENT): GuestKernel {
  const directory = join(kernelsIn(data), name);
  const image = kernelName.test(name) ? kernelImage(directory) : undefined;
  if (image === undefined && name !== CURRENT)
    throw new BoxError(
      `--kernel ${name}: there is no such guest kernel in ${kernelsIn(data)}: see \`tsbox kernel ls\``,
    );
  if (image === undefined)
    throw new BoxError(
      `no guest kernel in ${directory}: \`npm run setup\` brings one, \`tsbox kernel build\` builds one, or put vmlinux and modules/ there`,
    );
  return { image, modules: join(directory, 'modules'), acpi: hasAcpi(directory) };
}

/** Beside a kernel: how it was made, and what it needs. */
export const RECIPE = 'kernel.json';

/** As the recipe that has built it says; others have it. */
function hasAcpi(directory: string): boolean {
  try {
    return JSON.parse(readFileSync(join(directory, RECIPE), 'utf8')).acpi !== false;
  } catch {
    return true;
  }
}

/** QEMU may run as a user who owns nothing. @throws BoxError */
export function requireReadable(
  { image }: GuestKernel,
  { nobody }: Pick<Premises, 'nobody'>,
): void {
  const others = 0o004;
  if (nobody.standsFor !== undefined || (statSync(image).mode & others) !== 0) return;
  throw new BoxError(
    `the guest kernel ${image} cannot be read by everybody: QEMU runs as a user of its own: chmod a+r ${image}`,
  );
}

/** @returns the drivers of these names and those that they need, in the order in which they need each other. */
export function findModules(directory: string, wanted: readonly string[]): Module[] {
  const dependencies = readDependencies(directory);
  const order = new Set<string>();
  for (const name of wanted) {
    const line = dependencies.get(name);
    // A driver that is not there is built into the kernel, or its absence is what init will report.
    if (line === undefined) continue;
    // modules.dep(5) lists what is needed last first.
    for (const path of [...line.needs.toReversed(), line.path]) order.add(path);
  }
  return [...order].map((path) => ({
    name: path.split('/').at(-1) ?? path,
    path: join(directory, path),
  }));
}

function readDependencies(directory: string) {
  const found = new Map<string, { path: string; needs: string[] }>();
  const file = join(directory, 'modules.dep');
  if (!existsSync(file)) return found;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [path = '', needs = ''] = line.split(':');
    const name = path.split('/').at(-1)?.replace(/\.ko$/, '') ?? '';
    found.set(name, { path, needs: needs.split(' ').filter((word) => word !== '') });
  }
  return found;
}

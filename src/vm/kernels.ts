/** The kernels of micro-VMs that there are, several side by side, and which of them is used. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { makeDirectory } from '../linux/make-directory.ts';
import { BoxError } from '../sandbox/errors.ts';
import { CURRENT, kernelImage, kernelName, kernelsIn, RECIPE } from './kernel.ts';
import { featuresOf, versionIn } from './kernel-features.ts';
import { identifyKernel } from './kernel-image.ts';

export interface KernelFacts {
  readonly name: string;
  /** Whether it is the one that is used. */
  readonly current: boolean;
  /** Of what QEMU boots. */
  readonly bytes: number;
  readonly version: string | undefined;
  readonly features: readonly string[];
  readonly boot: MeasuredBoot | undefined;
}

/** Until its init answers. */
export interface MeasuredBoot {
  /** Median. */
  readonly milliseconds: number;
  readonly rounds: number;
  readonly accelerator: string;
  readonly vmm: string;
}

export function listKernels(data: string): KernelFacts[] {
  const directory = kernelsIn(data);
  const current = currentName(directory);
  return kernelNames(directory).map((name) => {
    const config = readIfThere(join(directory, name, 'config')) ?? '';
    const boot = readIfThere(join(directory, name, BOOT));
    return {
      name,
      current: name === current,
      bytes: statSync(kernelImage(join(directory, name)) as string).size,
      version: versionIn(config),
      features: featuresOf(config),
      boot: boot === undefined ? undefined : JSON.parse(boot),
    };
  });
}

/** Beside the kernel. */
const BOOT = 'boot.json';

export function noteBoot(data: string, name: string, boot: MeasuredBoot): void {
  writeFileSync(join(kernelsIn(data), name, BOOT), `${JSON.stringify(boot)}\n`);
}

/** @throws BoxError where there is none of that name. */
export function useKernel(data: string, name: string): void {
  const directory = kernelsIn(data);
  requireKernel(directory, name);
  const link = join(directory, `.${CURRENT}.${process.pid}`);
  rmSync(link, { force: true });
  symlinkSync(name, link);
  renameSync(link, join(directory, CURRENT));
}

/** @throws BoxError */
function requireKernel(directory: string, name: string): void {
  const names = kernelNames(directory);
  if (names.includes(name)) return;
  throw new BoxError(
    `no kernel ${JSON.stringify(name)} in ${directory}: there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
  );
}

/** The largest file that is read: an uncompressed kernel with all that a distribution has. */
const MOST_BYTES = 512 * 2 ** 20;

/**
 * Takes in a kernel that somebody has built.
 * @param file a vmlinux or a bzImage.
 * @returns its name. @throws BoxError for what QEMU would not boot.
 */
export function importKernel(data: string, file: string, name: string): string {
  if (!kernelName.test(name) || name === CURRENT)
    throw new BoxError(
      `a kernel cannot be called ${JSON.stringify(name)}: letters, digits, dots, hyphens, plus signs and underscores are allowed`,
    );
  const directory = kernelsIn(data);
  if (existsSync(join(directory, name)))
    throw new BoxError(`there is a kernel ${name} already in ${directory}: choose another --name`);
  const { kind } = identify(file);
  makeDirectory(directory);
  const made = mkdtempSync(join(directory, '.new.'));
  try {
    mkdirSync(join(made, 'kernel'), { mode: 0o755 });
    copyFileSync(file, join(made, 'kernel', kind === 'vmlinux' ? 'vmlinux' : 'vmlinuz'));
    renameSync(join(made, 'kernel'), join(directory, name));
    return name;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Says of a kernel that it finds its devices on its command line. */
export function noteWithoutAcpi(data: string, name: string): void {
  writeFileSync(join(kernelsIn(data), name, RECIPE), `${JSON.stringify({ acpi: false })}\n`);
}

export function removeKernel(data: string, name: string): void {
  rmSync(join(kernelsIn(data), name), { recursive: true, force: true });
}

function identify(file: string) {
  let bytes: Buffer;
  try {
    if (statSync(file).size > MOST_BYTES) throw new Error('it is larger than any kernel');
    bytes = readFileSync(file);
  } catch (error) {
    throw new BoxError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const image = identifyKernel(bytes, process.arch);
  if (image.kind === 'neither')
    throw new BoxError(`${file} cannot be booted by QEMU: it ${image.why}`);
  return image;
}

/** Of those that have something to boot. */
function kernelNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => kernelName.test(name) && name !== CURRENT)
      .filter((name) => kernelImage(join(directory, name)) !== undefined)
      .sort();
  } catch {
    return [];
  }
}

function currentName(directory: string): string | undefined {
  try {
    return basename(readlinkSync(join(directory, CURRENT)));
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** `tsbox kernel`: the kernels of micro-VMs. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { dataDirectory } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import { writeAll } from '../sandbox/write.ts';
import { buildKernel, builtName, unpackKernel } from '../vm/kernel-build.ts';
import {
  importKernel,
  type KernelFacts,
  listKernels,
  noteBoot,
  noteWithoutAcpi,
  removeKernel,
  useKernel,
} from '../vm/kernels.ts';
import { measureBoot } from '../vm/measure-boot.ts';
import { say } from './print.ts';
import { ownFile } from './program-path.ts';
import { SignalRelay } from './signal-relay.ts';
import { tableOf } from './table.ts';

export function registerKernel(program: Command): void {
  const kernel = program.command('kernel').description('the kernels of micro-VMs');
  kernel
    .command('ls')
    .description('list those that there are, with what each has')
    .action(() => print(table(listKernels(data()))));
  kernel
    .command('use <name>')
    .description('have that one used where run says nothing else (--kernel)')
    .action(async (name: string) => {
      useKernel(data(), name);
      await measure(name);
    });
  kernel
    .command('import <file>')
    .description("take in a vmlinux, a bzImage, or a distribution's package of a kernel (.deb)")
    .option('--name <name>', 'its name (default: that of the file)')
    .action(async (file: string, { name }: { readonly name?: string }) => {
      await measureNew(await takeIn(file, name));
    });
  kernel
    .command('build')
    .description("build one for micro-VMs alone, from the distribution's source package")
    .option(
      '--version <version>',
      'of the package, as in linux-source-VERSION (default: the newest)',
    )
    .action(async ({ version }: { readonly version?: string }) => {
      const built = await buildKernel(ownFile('kernel/build'), data(), version);
      if (!built) say(`${builtName(version)} is there already; nothing was built`);
      await measure(builtName(version));
    });
}

/** @returns its name. */
async function takeIn(file: string, name: string | undefined): Promise<string> {
  if (!file.endsWith('.deb')) return importKernel(data(), file, name ?? basename(file));
  const before = new Set(listKernels(data()).map((each) => each.name));
  await unpackKernel(ownFile('kernel/unpack'), data(), file);
  const made = listKernels(data()).find((each) => !before.has(each.name));
  return made?.name ?? basename(file);
}

async function measure(name: string): Promise<void> {
  const boot = await measureBoot(name, () => undefined, new SignalRelay());
  noteBoot(data(), name, boot);
  print(`${name}\n`);
}

/** A kernel that does not come up is not taken in. @throws BoxError */
async function measureNew(name: string): Promise<void> {
  try {
    await measure(name).catch((error) => {
      if (!(error instanceof BoxError)) throw error;
      noteWithoutAcpi(data(), name);
      return measure(name);
    });
  } catch (error) {
    removeKernel(data(), name);
    throw error;
  }
}

const data = (): string => dataDirectory(process.env, process.geteuid?.() ?? 0);

const print = (text: string): void => void writeAll(1, text);

function table(kernels: readonly KernelFacts[]): string {
  const rows = kernels.map(({ name, current, bytes, version, features, boot }) => [
    current ? '*' : '',
    name,
    version ?? '-',
    `${(bytes / 2 ** 20).toFixed(1)} MiB`,
    boot === undefined
      ? 'not measured'
      : `${Math.round(boot.milliseconds)} ms (${boot.accelerator}, ${boot.vmm})`,
    features.join(' ') || '-',
  ]);
  return tableOf([['', 'NAME', 'VERSION', 'SIZE', 'BOOT', 'HAS'], ...rows]);
}

/** `tsbox qemu`: which QEMU runs micro-VMs, and one that is built for nothing else. */
import type { Command } from 'commander';
import { dataDirectory } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import { writeAll } from '../sandbox/write.ts';
import { chooseAccelerator } from '../vm/accelerator.ts';
import { buildQemu } from '../vm/qemu/build.ts';
import { findQemu } from '../vm/qemu/find.ts';
import { AUTO, chooseQemu, type Installed, installedQemus } from '../vm/qemu/installed.ts';
import { factsOf } from '../vm/qemu/known.ts';
import { ownFile } from './program-path.ts';
import { tableOf } from './table.ts';

export function registerQemu(program: Command): void {
  const qemu = program.command('qemu').description('which QEMU runs micro-VMs');
  qemu
    .command('ls')
    .description('list those that there are, with what each has')
    .action(async () => print(await list(data())));
  qemu
    .command('use <name>')
    .description(`have that one used, or with \`${AUTO}\` the distribution's that fits best`)
    .action((name: string) => {
      chooseQemu(data(), name);
      print(`${name}\n`);
    });
  qemu
    .command('build')
    .description("build a static one for micro-VMs alone, from the distribution's source package")
    .option('--version <version>', 'of the source package (default: the newest there is)')
    .action(async ({ version }: { readonly version?: string }) => {
      await buildQemu(ownFile('qemu/build'), data(), version);
    });
}

const data = (): string => dataDirectory(process.env, process.geteuid?.() ?? 0);

const print = (text: string): void => void writeAll(1, text);

async function list(directory: string): Promise<string> {
  const used = await usedQemu(directory);
  const rows = installedQemus(directory).map(async (each) => [
    each.name === used ? '*' : '',
    each.name,
    ...(await columns(each)),
    each.path,
  ]);
  return tableOf([['', 'NAME', 'VERSION', 'LINKED', 'HAS', 'PATH'], ...(await Promise.all(rows))]);
}

/** By a machine that takes no more than any; undefined where none can run one. */
async function usedQemu(directory: string): Promise<string | undefined> {
  try {
    return (await findQemu(directory, chooseAccelerator().accelerator, [])).name;
  } catch (error) {
    if (error instanceof BoxError) return undefined;
    throw error;
  }
}

async function columns({ path }: Installed): Promise<string[]> {
  try {
    const facts = await factsOf(path);
    return [facts.version, facts.static ? 'static' : 'dynamic', facts.features.join(' ')];
  } catch (error) {
    if (error instanceof BoxError) return ['-', '-', 'does not run'];
    throw error;
  }
}

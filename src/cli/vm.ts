/** `tsbox vm`: the templates from which micro-VMs start, and those that were saved. */
import type { Command } from 'commander';
import { dataDirectory, listImages } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import { writeAll } from '../sandbox/write.ts';
import { ProblemList } from '../spec/errors.ts';
import { noOptions } from '../spec/run-options.ts';
import { listSnapshots, removeSnapshot } from '../vm/snapshot.ts';
import { warmVm } from '../vm/warm.ts';
import { say } from './print.ts';
import { toRequest } from './request.ts';
import { SignalRelay } from './signal-relay.ts';

interface WarmFlags {
  readonly memory?: string;
  readonly cpus?: string;
  readonly network?: string;
}

export function registerVm(program: Command): void {
  const vm = program.command('vm').description('templates of micro-VMs, and those that were saved');
  vm.command('warm [image...]')
    .description(
      'make the templates from which micro-VMs of these images start; of all, if none is named',
    )
    .option('-m, --memory <amount>', 'of machines of this size, as with run')
    .option('--cpus <number>', 'and with so many processors')
    .option('--net, --network <mode>', 'on such a network, or none')
    .action(async (images: string[], flags: WarmFlags) => {
      const data = ownData();
      const words = images.length > 0 ? images : listImages(data);
      if (words.length === 0)
        throw new BoxError(`no image in ${data}/images: name a directory, such as ./DIR`);
      const relay = new SignalRelay();
      for (const word of words) await warm(word, flags, relay);
    });
  vm.command('ls')
    .description('list boxes that were saved by run --vm --snapshot-as')
    .action(() => listAll(ownData()));
  vm.command('rm <name...>')
    .description('remove such boxes; those that go on from them are not concerned')
    .action((names: string[]) => {
      for (const name of names) {
        removeSnapshot(ownData(), name);
        writeAll(1, `${name}\n`);
      }
    });
}

const ownData = () => dataDirectory(process.env, process.getuid?.() ?? 0);

function listAll(data: string): void {
  for (const { name, bytes } of listSnapshots(data))
    writeAll(1, `${name}\t${Math.round(bytes / 2 ** 20)} MiB\n`);
}

async function warm(word: string, flags: WarmFlags, relay: SignalRelay): Promise<void> {
  const request = await toRequest({
    image: { kind: 'image', word },
    driver: 'vm',
    options: { ...noOptions, ...flags, command: ['true'] },
    machine: {},
    seccompLog: false,
    problems: new ProblemList(),
  });
  const { name } = await warmVm(request, say, relay);
  writeAll(1, `${word}\t${name}\n`);
}

/** What a micro-VM is made of, as text. */
import { dataDirectory } from '../image/image.ts';
import { printSections } from '../plan/print.ts';
import { withFilter } from '../sandbox/filter.ts';
import { readHost } from '../sandbox/host.ts';
import type { Box } from '../spec/box.ts';
import { chooseAccelerator } from './accelerator.ts';
import { type HostShare, planGuest, type RootTransport } from './guest.ts';
import { findKernel } from './kernel.ts';
import { machineCommand } from './machine.ts';
import { isArchived } from './root-archive.ts';

export async function explainVm(request: Pick<Box, 'spec' | 'layer'>): Promise<string> {
  const directory = '/run/tsbox/boxes/ID';
  const { arch, sources, seccomp } = await withFilter(readHost(request, directory), request);
  const kernel = findKernel(dataDirectory(process.env, process.getuid?.() ?? 0));
  const transport = isArchived(request) ? 'archived' : 'shared';
  const guest = planGuest(request, transport, kernel, { arch, sources, seccomp });
  const { accelerator, why } = chooseAccelerator();
  const machine = machineCommand({
    state: { directory },
    accelerator,
    kernel: kernel.image,
    initrd: `${directory}/initrd`,
    shares: guest.shares,
    resources: request.spec.linux.resources,
  });
  const steps = guest.sections.flatMap((section) => section.steps).length;
  return [
    ...rootLines(transport, request),
    ...shareLines(guest.shares),
    `# tsbox starts QEMU${why === undefined ? '' : ` (without KVM: ${why})`}`,
    commandLine(machine),
    '',
    `# The guest's init: ${steps} system calls, in this order`,
    '',
    printSections(guest.sections),
  ].join('\n');
}

/** For a shell, an option and its value on each line. */
function commandLine(argv: readonly string[]): string {
  const words = argv.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return words.reduce((line, word) => line + (word.startsWith('-') ? ' \\\n  ' : ' ') + word);
}

function rootLines(transport: RootTransport, { spec }: Pick<Box, 'spec'>): string[] {
  if (transport === 'shared') return [];
  return [
    '# The root file system, which is small, travels in the initial one: in memory, gone with the machine',
    spec.root.path,
    '',
  ];
}

function shareLines(shares: readonly HostShare[]): string[] {
  if (shares.length === 0) return [];
  return [
    '# tsbox starts virtiofsd for each directory that the guest sees',
    ...shares.map(
      ({ tag, source, readonly }) => `${tag}: ${source}${readonly ? ', read-only' : ''}`,
    ),
    '',
  ];
}

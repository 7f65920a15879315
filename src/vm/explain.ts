/** What a micro-VM is made of, as text. */
import { dataDirectory } from '../image/image.ts';
import { printSections } from '../plan/print.ts';
import { EXTRA_DESCRIPTOR } from '../plan/program.ts';
import { readHost } from '../sandbox/host.ts';
import type { Box } from '../spec/box.ts';
import { chooseAccelerator } from './accelerator.ts';
import { planGuest } from './guest.ts';
import { findKernel } from './kernel.ts';
import { qemuCommand } from './qemu.ts';

export function explainVm(request: Pick<Box, 'spec' | 'layer'>): string {
  const directory = '/run/tsbox/boxes/ID';
  const { arch, sources } = readHost(request, directory);
  const kernel = findKernel(dataDirectory(process.env, process.getuid?.() ?? 0));
  const guest = planGuest(request, kernel, arch, sources);
  const { accelerator, why } = chooseAccelerator();
  const machine = qemuCommand('qemu-system-x86_64', {
    accelerator,
    kernel: kernel.image,
    initrd: `${directory}/initrd`,
    console: `${directory}/console`,
    channel: EXTRA_DESCRIPTOR,
    shares: guest.shares.map(({ tag }) => ({ tag, socket: `${directory}/${tag}.socket` })),
    resources: request.spec.linux.resources,
    tscKhz: undefined,
  });
  const steps = guest.sections.flatMap((section) => section.steps).length;
  return [
    '# tsbox starts virtiofsd for each directory that the guest sees',
    ...guest.shares.map(
      ({ tag, source, readonly }) => `${tag}: ${source}${readonly ? ', read-only' : ''}`,
    ),
    '',
    `# and QEMU${why === undefined ? '' : ` (without KVM: ${why})`}`,
    machine.join(' ').replaceAll(/ (?=-[a-z])/gi, ' \\\n  '),
    '',
    `# The guest's init: ${steps} system calls, in this order`,
    '',
    printSections(guest.sections),
  ].join('\n');
}

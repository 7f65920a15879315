/** What a micro-VM is made of, as text. */
import { dataDirectory } from '../image/image.ts';
import { PID } from '../plan/action.ts';
import type { Host } from '../plan/host.ts';
import type { JailedProgram } from '../plan/jailed-program.ts';
import { attachMachine } from '../plan/network.ts';
import { clientOfPasst, placeBehindPasst } from '../plan/passt.ts';
import { printSections } from '../plan/print.ts';
import { stepsOf } from '../plan/step.ts';
import { actionLines, aroundLines } from '../sandbox/around.ts';
import { startLines } from '../sandbox/explain-jail.ts';
import { pastaLines } from '../sandbox/explain-pasta.ts';
import { withFilter } from '../sandbox/filter.ts';
import { foresee } from '../sandbox/foresee-network.ts';
import { readHost } from '../sandbox/host.ts';
import { pastaOf, readyPath } from '../sandbox/pasta.ts';
import { printVmm } from '../sandbox/sandbox.ts';
import { stateDirectory } from '../sandbox/state.ts';
import type { BoxNetwork, BoxRequest } from '../spec/box.ts';
import type { Attachment } from '../spec/network.ts';
import { chooseAccelerator } from './accelerator.ts';
import { type Disk, diskName, diskOf } from './disk.ts';
import { type HostShare, planGuest, sectionsOf } from './guest.ts';
import { findKernel } from './kernel.ts';
import { mkfsProgram } from './mkfs.ts';
import { passtOf } from './network.ts';
import { type Premises, readPremises } from './premises.ts';
import type { Card } from './qemu/command-line.ts';
import { findQemu, vmmOf } from './qemu/find.ts';
import { neededFeatures, qemuProgram } from './qemu/program.ts';
import { refuseImpossible } from './refused.ts';
import { storeIn } from './store.ts';
import { virtiofsdProgram } from './virtiofsd.ts';

/** What stands for the box's id, which is drawn anew for every run. */
const ID = 'ID';

export async function explainVm(request: BoxRequest): Promise<string> {
  const parent = stateDirectory(process.env, process.geteuid?.() ?? 0);
  const directory = `${parent}/${ID}`;
  const host = await withFilter(readHost(request, parent), request);
  refuseImpossible(request, host.sources);
  const foreseen = request.network && foresee(request.network, parent, ID);
  const network = foreseen && foreseePlace(foreseen.network);
  const box: BoxRequest = network === undefined ? request : { ...request, network };
  const attachment = network?.attachment;
  const data = dataDirectory(process.env, process.getuid?.() ?? 0);
  const kernel = findKernel(data, request.machine?.kernel);
  const disk = diskOf(request);
  const names = (network?.files ?? []).map(({ source }) => ({
    source,
    content: new Uint8Array(),
  }));
  const guest = planGuest(box, disk ? 'disk' : 'shared', kernel, names, host);
  const { accelerator, why } = chooseAccelerator();
  const premises = await readPremises(host, ID);
  const card = network && cardKind(network);
  const needs = neededFeatures({ shares: guest.shares, card });
  const qemu = await findQemu(data, accelerator, needs);
  const machine = qemuProgram(premises, {
    qemu,
    accelerator,
    acpi: kernel.acpi,
    boots: { kernel: kernel.image, initrd: `${directory}/initrd` },
    shares: guest.shares,
    disk: disk !== undefined,
    resources: request.spec.linux.resources,
    card,
  });
  const sections = sectionsOf(guest, host.arch);
  return [
    ...(request.lacks === undefined ? [] : [`# ${request.lacks}`, '']),
    ...actionLines('tsbox brings the network about, unless it is there', foreseen?.setUp ?? []),
    ...(disk === undefined ? [] : diskLines(disk, storeIn(data), premises)),
    ...guest.shares.flatMap((share) => shareLines(share, virtiofsdProgram(premises, share))),
    ...actionLines(
      'tsbox connects the machine',
      attachment === undefined ? [] : attachMachine(ID, attachment),
    ),
    ...(network === undefined ? [] : passtLines(network, parent, premises, host)),
    ...startLines(
      `tsbox starts ${printVmm(vmmOf(qemu, accelerator))}${why === undefined ? '' : ` (without KVM: ${why})`}`,
      'QEMU',
      machine,
    ),
    ...(disk === undefined || guest.shares.length > 0 ? [] : templateLines(request)),
    `# The guest's init: ${stepsOf(sections).length} system calls, in this order`,
    '',
    printSections(sections),
    ...aroundLines(request),
    ...hostsLines(attachment),
    ...actionLines('and when no other box is on the network', foreseen?.takeDown ?? []),
  ].join('\n');
}

function cardKind({ attachment, place }: BoxNetwork): Card['kind'] | undefined {
  if (attachment !== undefined) return 'tap';
  return place === undefined ? undefined : 'stream';
}

/** As if pasta found ways out for both families. */
function foreseePlace(network: BoxNetwork): BoxNetwork {
  if (network.choice.kind !== 'pasta') return network;
  return { ...network, place: placeBehindPasst([4, 6]) };
}

function passtLines(
  { choice, ports }: BoxNetwork,
  parent: string,
  premises: Premises,
  host: Host,
): string[] {
  if (choice.kind !== 'pasta') return [];
  const { program } = choice;
  const passt = passtOf(ID, { premises, host }, readyPath(parent, ID, 'passt'), ports);
  const client = clientOfPasst(ID, PID, premises.nobody, ports);
  const pasta = pastaOf(client, host, { program, ready: readyPath(parent, ID, 'pasta') });
  return [
    ...actionLines('tsbox connects the machine', passt.before),
    ...startLines('tsbox starts passt', 'passt', passt),
    ...pastaLines(pasta, 'the jail of passt', 'passt'),
  ];
}

function hostsLines(attachment: Attachment | undefined): string[] {
  if (attachment === undefined) return [];
  return ['# while it runs, tsbox sends what is new in /etc/hosts over the guest channel', ''];
}

function templateLines({ machine }: Pick<BoxRequest, 'machine'>): string[] {
  if (machine?.snapshot === 'never') return [];
  return [
    '# If there is a template of such a machine with this disk, QEMU has -incoming defer instead of a kernel and',
    "# maps the template's memory copy-on-write; init goes on with what follows the section Disk",
    '',
  ];
}

function diskLines(disk: Disk, store: string, premises: Premises): string[] {
  const file = `${store}/${diskName(disk)}/erofs`;
  return startLines(
    `tsbox has mkfs.erofs make the disk ${file} of the image, unless it is there`,
    'mkfs.erofs',
    mkfsProgram(premises, disk.image, file),
  );
}

function shareLines({ tag, source, readonly }: HostShare, program: JailedProgram): string[] {
  const what = `tsbox starts virtiofsd for ${tag}: ${source}${readonly ? ', read-only' : ''}`;
  return startLines(what, 'virtiofsd', program);
}

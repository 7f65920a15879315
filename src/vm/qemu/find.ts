/** Which QEMU runs a machine: the one that was asked for, or the first that has all that it takes. */
import { BoxError } from '../../sandbox/errors.ts';
import type { Vmm } from '../../sandbox/sandbox.ts';
import { find } from '../../sandbox/tool.ts';
import { qemu } from '../tools.ts';
import type { Accelerator } from './command-line.ts';
import { type Feature, features } from './features.ts';
import { AUTO, chosenQemu, distributions, type Installed, installedQemus } from './installed.ts';
import { factsOf } from './known.ts';
import type { Facts } from './probe.ts';

export interface Qemu extends Installed, Facts {}

/** What the command line of any machine asks for. */
const always: readonly Feature[] = ['microvm'];

/**
 * @param data the data directory.
 * @param needs what this machine takes beside its accelerator.
 * @throws BoxError where there is none that has it all.
 */
export async function findQemu(
  data: string,
  accelerator: Accelerator,
  needs: readonly Feature[],
): Promise<Qemu> {
  const all = [...always, accelerator, ...needs];
  const wish = chosenQemu(data);
  let lacking: { readonly found: Qemu; readonly lacks: readonly Feature[] } | undefined;
  for (const each of candidates(data, accelerator, wish)) {
    const found: Qemu = { ...each, ...(await factsOf(each.path)) };
    const lacks = all.filter((feature) => !found.features.includes(feature));
    if (lacks.length === 0) return found;
    lacking = { found, lacks };
  }
  if (lacking === undefined) throw new BoxError(missing(wish as string, data));
  throw new BoxError(whyUnfit(lacking.found, lacking.lacks, wish !== undefined));
}

/**
 * Under KVM the distribution's smaller one is first: it loads in a fifth of the time, and has no TCG.
 * @throws BoxError where none is installed.
 */
function candidates(data: string, accelerator: Accelerator, wish: string | undefined): Installed[] {
  const all = installedQemus(data);
  if (wish !== undefined) return all.filter(({ name }) => name === wish);
  find(qemu);
  const own = all.filter(({ name }) => distributions.includes(name));
  return accelerator === 'kvm' ? own.toReversed() : own;
}

function missing(wish: string, data: string): string {
  return `QEMU ${wish}, which \`tsbox qemu use\` has chosen, is no longer in ${data}/qemus: choose another one (\`tsbox qemu ls\`), or \`tsbox qemu use ${AUTO}\``;
}

function whyUnfit({ name, version, path }: Qemu, lacks: readonly Feature[], asked: boolean) {
  const words = lacks.map((feature) => features[feature]).join('; ');
  const mend = asked
    ? `\`tsbox qemu use ${AUTO}\` has tsbox choose one; \`tsbox qemu ls\` shows what each has`
    : `install a newer one (7.2 has it all), or \`tsbox qemu build\` and \`tsbox qemu use\` one`;
  return `QEMU ${version} (${name}, ${path}) cannot run this micro-VM: it lacks ${words}: ${mend}`;
}

export function vmmOf({ version, name, path }: Qemu, accelerator: Accelerator): Vmm {
  return { program: 'QEMU', version, name, path, accelerator };
}

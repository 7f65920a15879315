/** /dev/kvm: whether it is there, may be opened, and is likely to boot a kernel. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { readText } from '../causes/status.ts';
import { verdictFile } from '../sandbox/state.ts';
import { type Check, limited, ok } from './check.ts';

export interface KvmFacts {
  readonly present: boolean;
  /** Error code of opening it, such as `EACCES`; empty when it opens. */
  readonly openError: string;
  /** Text of /proc/cpuinfo. */
  readonly cpuinfo: string;
  /** Text of the VM driver's verdict; undefined when there is none. */
  readonly verdict: string | undefined;
}

const slower = 'micro-VMs run all the same, translated by QEMU (TCG) and many times slower';

export function checkKvm({ present, openError, cpuinfo, verdict }: KvmFacts): Check {
  const [name, use] = ['KVM', 'micro-VMs'] as const;
  if (!present) {
    const why = `no kvm module is loaded, or the processor has no virtualisation; ${slower}`;
    const mend =
      'as root: modprobe kvm_amd or modprobe kvm_intel; in a virtual machine, switch on nested virtualisation';
    return limited(name, use, 'no /dev/kvm', why, mend);
  }
  if (openError !== '') {
    const why = `opening /dev/kvm: ${openError}; ${slower}`;
    return limited(
      name,
      use,
      'present, but not for you',
      why,
      'as root: usermod -aG kvm USER, who then logs in again',
    );
  }
  const known = parseVerdict(verdict);
  const nested = 'boot this host under a hypervisor with nested virtualisation, or on bare metal';
  if (known?.usable) return ok(name, use, 'usable: a guest was seen to boot');
  if (known !== undefined) {
    const mend = `${nested}; to have it tried again: rm ${verdictFile(process.env, process.geteuid?.() ?? 0)}`;
    return limited(name, use, 'only present', `${known.why}; ${slower}`, mend);
  }
  // arm64's cpuinfo says nothing of virtualisation.
  if (!/^flags\s*:/m.test(cpuinfo) || /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo)) {
    return ok(name, use, '/dev/kvm opens');
  }
  const why = `the processor shows neither vmx nor svm, so this is likely a paravirtual KVM that boots no ordinary guest; ${slower}`;
  return limited(name, use, 'present, perhaps not usable', why, nested);
}

/** @returns undefined for a text that is not a verdict. */
function parseVerdict(text = ''): { usable: boolean; why: string } | undefined {
  try {
    const { usable, why } = JSON.parse(text) as { usable?: unknown; why?: unknown };
    return typeof usable === 'boolean'
      ? { usable, why: String(why ?? 'no guest boots') }
      : undefined;
  } catch {
    return undefined;
  }
}

export function hostKvm(): Check {
  return checkKvm({
    present: existsSync('/dev/kvm'),
    openError: openError('/dev/kvm'),
    cpuinfo: readText('/proc/cpuinfo') ?? '',
    verdict: readText(verdictFile(process.env, process.geteuid?.() ?? 0)),
  });
}

function openError(path: string): string {
  try {
    closeSync(openSync(path, 'r+'));
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

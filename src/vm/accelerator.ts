/** KVM where it boots a guest, TCG where it does not: opening /dev/kvm proves little. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Accelerator } from './qemu.ts';

/** What was found out last, until the host restarts; `tsbox doctor` reads it, too. */
const VERDICT = '/run/tsbox/kvm.json';

export interface Choice {
  readonly accelerator: Accelerator;
  /** Why it is not KVM. */
  readonly why?: string;
}

export function chooseAccelerator(): Choice {
  const why = whyNotKvm();
  return why === undefined ? { accelerator: 'kvm' } : { accelerator: 'tcg', why };
}

function whyNotKvm(): string | undefined {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
  } catch (error) {
    return `/dev/kvm: ${(error as NodeJS.ErrnoException).code}`;
  }
  const verdict = readVerdict();
  if (verdict !== undefined) return verdict.usable ? undefined : verdict.why;
  // arm64's cpuinfo says nothing of virtualisation.
  const paravirtual =
    process.arch === 'x64' &&
    !/^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return paravirtual ? 'the processor shows neither vmx nor svm' : undefined;
}

function readVerdict(): { usable: boolean; why: string } | undefined {
  try {
    return JSON.parse(readFileSync(VERDICT, 'utf8'));
  } catch {
    return undefined;
  }
}

export function saveVerdict(usable: boolean, why: string): void {
  try {
    mkdirSync('/run/tsbox', { recursive: true });
    writeFileSync(VERDICT, `${JSON.stringify({ usable, why })}\n`);
  } catch {
    // It is found out again next time.
  }
}

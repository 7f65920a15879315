/** KVM where it boots a guest, TCG where it does not: opening /dev/kvm proves little. */
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../linux/make-directory.ts';
import { verdictFile } from '../sandbox/state.ts';
import type { Accelerator } from './qemu/command-line.ts';

export interface Choice {
  readonly accelerator: Accelerator;
  /** Why it is not KVM. */
  readonly why?: string;
  /** Whether a guest has come up under it, or needs nothing of the host. */
  readonly proved: boolean;
}

export function chooseAccelerator(): Choice {
  const why = whyNotKvm();
  if (why !== undefined) return { accelerator: 'tcg', why, proved: true };
  return { accelerator: 'kvm', proved: readVerdict()?.usable === true };
}

function whyNotKvm(): string | undefined {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' ? notPermitted() : `/dev/kvm: ${code}`;
  }
  const verdict = readVerdict();
  if (verdict !== undefined) return verdict.usable ? undefined : verdict.why;
  // arm64's cpuinfo says nothing of virtualisation.
  const paravirtual =
    process.arch === 'x64' &&
    !/^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return paravirtual ? 'the processor shows neither vmx nor svm' : undefined;
}

/** Which group may, where there is one: its name is the distribution's, kvm on most. */
function notPermitted(): string {
  const { gid, mode } = statSync('/dev/kvm');
  const name = readFileSync('/etc/group', 'utf8').match(
    new RegExp(`^([^:]+):[^:]*:${gid}:`, 'm'),
  )?.[1];
  return gid === 0 || (mode & 0o060) === 0
    ? '/dev/kvm is for root alone'
    : `/dev/kvm is for members of the group ${name ?? gid}: as root: usermod -aG ${name ?? gid} USER, who then logs in again`;
}

function readVerdict(): { usable: boolean; why: string } | undefined {
  try {
    return JSON.parse(readFileSync(ownVerdict(), 'utf8'));
  } catch {
    return undefined;
  }
}

export function saveVerdict(usable: boolean, why: string): void {
  try {
    const file = ownVerdict();
    makeDirectory(dirname(file));
    writeFileSync(file, `${JSON.stringify({ usable, why })}\n`);
  } catch {
    // It is found out again next time.
  }
}

function ownVerdict(): string {
  return verdictFile(process.env, process.geteuid?.() ?? 0);
}

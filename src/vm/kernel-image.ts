/**
 * Whether a file is a kernel that QEMU boots: an ELF file with a PVH note (the kernel's
 * Documentation/x86/boot.rst; Xen's pvh.h), or a bzImage. It may be anything.
 */

export type KernelImage =
  | { readonly kind: 'vmlinux' | 'bzImage' }
  /** Why it is none, in words that follow "it". */
  | { readonly kind: 'neither'; readonly why: string };

const machines: Readonly<Record<number, string>> = {
  3: 'x86',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
};

/** @param bytes of the file, all of it. @param arch that Node gives this one. */
export function identifyKernel(bytes: Buffer, arch: string): KernelImage {
  if (bytes.length >= ELF_HEADER && bytes.readUInt32BE(0) === ELF_MAGIC)
    return identifyElf(bytes, arch);
  if (
    bytes.length > BOOT_HEADER + 4 &&
    bytes.toString('latin1', BOOT_HEADER, BOOT_HEADER + 4) === 'HdrS'
  )
    return arch === 'x64'
      ? { kind: 'bzImage' }
      : { kind: 'neither', why: `is a kernel for x64, and this is ${arch}` };
  return { kind: 'neither', why: 'is neither an ELF file nor a bzImage' };
}

const ELF_MAGIC = 0x7f454c46;
const ELF_HEADER = 64;
/** "HdrS", boot.rst. */
const BOOT_HEADER = 0x202;
const PT_NOTE = 4;
/** XEN_ELFNOTE_PHYS32_ENTRY. */
const PVH_ENTRY = 18;

function identifyElf(bytes: Buffer, arch: string): KernelImage {
  const [CLASS_64, LITTLE] = [2, 1];
  if (bytes[4] !== CLASS_64 || bytes[5] !== LITTLE)
    return { kind: 'neither', why: 'is an ELF file, and not of 64 bits, little-endian' };
  const machine = machines[bytes.readUInt16LE(18)];
  if (machine !== arch)
    return { kind: 'neither', why: `is for ${machine ?? 'another machine'}, and this is ${arch}` };
  if (notesOf(bytes).some(({ owner, type }) => owner === 'Xen' && type === PVH_ENTRY))
    return { kind: 'vmlinux' };
  return {
    kind: 'neither',
    why: 'has no PVH note, by which QEMU enters an uncompressed kernel: it must be built with CONFIG_PVH',
  };
}

interface Note {
  readonly owner: string;
  readonly type: number;
}

/** More than a kernel has. */
const MOST_HEADERS = 64;
const MOST_NOTES = 256;

/** elf(5): of the program headers that hold notes; what lies outside of the file is none. */
function notesOf(bytes: Buffer): Note[] {
  const start = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  const count = Math.min(bytes.readUInt16LE(56), MOST_HEADERS);
  const notes: Note[] = [];
  for (let index = 0; index < count; index++) {
    const header = start + index * size;
    if (size < 56 || header + 56 > bytes.length || bytes.readUInt32LE(header) !== PT_NOTE) continue;
    const offset = Number(bytes.readBigUInt64LE(header + 8));
    const length = Number(bytes.readBigUInt64LE(header + 32));
    notes.push(...readNotes(bytes.subarray(offset, offset + length)));
  }
  return notes;
}

function readNotes(bytes: Buffer): Note[] {
  const notes: Note[] = [];
  for (let at = 0; at + 12 <= bytes.length && notes.length < MOST_NOTES; ) {
    const [name, description] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const owner = bytes.toString('latin1', at + 12, at + 12 + name).replace(/\0.*$/s, '');
    notes.push({ owner, type: bytes.readUInt32LE(at + 8) });
    at += 12 + padded(name) + padded(description);
  }
  return notes;
}

const padded = (length: number) => Math.ceil(length / 4) * 4;

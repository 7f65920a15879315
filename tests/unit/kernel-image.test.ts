/** What is taken for a kernel that QEMU boots, of files that may be anything. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { featuresOf, versionIn } from '../../src/vm/kernel-features.ts';
import { identifyKernel } from '../../src/vm/kernel-image.ts';

/** An ELF file of one program header, which holds these notes. */
function elf(notes: Buffer, machine = 62, bits = 2): Buffer {
  const bytes = Buffer.alloc(64 + 56);
  bytes.write('\x7fELF', 0, 'latin1');
  bytes.set([bits, 1, 1], 4);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(4, 64);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 64 + 8);
  bytes.writeBigUInt64LE(BigInt(notes.length), 64 + 32);
  return Buffer.concat([bytes, notes]);
}

function note(owner: string, type: number): Buffer {
  const name = Buffer.alloc(Math.ceil((owner.length + 1) / 4) * 4);
  name.write(owner);
  const header = Buffer.from(Uint32Array.of(owner.length + 1, 4, type).buffer);
  return Buffer.concat([header, name, Buffer.alloc(4)]);
}

const pvh = note('Xen', 18);
const bzImage = Buffer.alloc(1024);
bzImage.write('HdrS', 0x202);

test('a vmlinux with a PVH note, and a bzImage', () => {
  expect(identifyKernel(elf(pvh), 'x64')).toEqual({ kind: 'vmlinux' });
  expect(identifyKernel(elf(Buffer.concat([note('GNU', 3), pvh])), 'x64').kind).toBe('vmlinux');
  expect(identifyKernel(bzImage, 'x64')).toEqual({ kind: 'bzImage' });
});

test.each<[string, Buffer, string, string]>([
  ['no note', elf(Buffer.alloc(0)), 'x64', 'has no PVH note'],
  ['another note of Xen', elf(note('Xen', 6)), 'x64', 'has no PVH note'],
  ['that of another owner', elf(note('GNU', 18)), 'x64', 'has no PVH note'],
  ['a kernel for arm64', elf(pvh, 183), 'x64', 'is for arm64, and this is x64'],
  ['one for nobody', elf(pvh, 7), 'x64', 'is for another machine'],
  ['one for x64 on arm64', elf(pvh), 'arm64', 'is for x64, and this is arm64'],
  ['of 32 bits', elf(pvh, 62, 1), 'x64', 'not of 64 bits'],
  ['a bzImage on arm64', bzImage, 'arm64', 'is a kernel for x64'],
  ['a text', Buffer.from('this is no kernel\n'.repeat(100)), 'x64', 'neither an ELF file nor'],
  ['nothing', Buffer.alloc(0), 'x64', 'neither an ELF file nor'],
])('%s is none, and why', (_, bytes, arch, why) => {
  const found = identifyKernel(bytes, arch);
  expect(found).toMatchObject({ kind: 'neither', why: expect.stringContaining(why) });
});

test('whatever is cut off or changed is a kernel or is none', () => {
  const whole = elf(Buffer.concat([note('GNU', 3), pvh]));
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(changes, fc.nat(whole.length), (list, length) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of list) bytes[at] = value;
      const { kind } = identifyKernel(bytes.subarray(0, length), 'x64');
      expect(['vmlinux', 'bzImage', 'neither']).toContain(kind);
    }),
  );
});

test('a configuration says what a kernel has, and its version', () => {
  const config =
    '#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.99 Kernel Configuration\n#\nCONFIG_SMP=y\nCONFIG_EROFS_FS=m\n# CONFIG_9P_FS is not set\nCONFIG_MODULES=y\n';
  expect(featuresOf(config)).toEqual(['smp', 'erofs', 'modules']);
  expect(versionIn(config)).toBe('6.1.99');
  expect([featuresOf(''), versionIn('')]).toEqual([[], undefined]);
});

/** What the kernel answers by a filter, found out as the kernel does: by running its instructions (linux/filter.h). */

/** `struct seccomp_data` without the instruction pointer. */
export interface MadeCall {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly number: number;
  readonly args: readonly bigint[];
}

const CODE = {
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  equal: 0x15,
  greater: 0x25,
  least: 0x35,
  set: 0x45,
  return: 0x06,
};

/** @returns the SECCOMP_RET value. @throws Error for instructions that libseccomp does not make. */
export function verdict(program: Uint8Array, made: MadeCall): number {
  const data = dataOf(made);
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  let word = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint16(at, true);
    const k = view.getUint32(at + 4, true);
    const branch = (holds: boolean) => 8 * view.getUint8(at + (holds ? 2 : 3));
    if (code === CODE.load) word = data.readUInt32LE(k);
    else if (code === CODE.and) word = (word & k) >>> 0;
    else if (code === CODE.jump) at += 8 * k;
    else if (code === CODE.equal) at += branch(word === k);
    else if (code === CODE.greater) at += branch(word > k);
    else if (code === CODE.least) at += branch(word >= k);
    else if (code === CODE.set) at += branch((word & k) !== 0);
    else if (code === CODE.return) return k;
    else throw new Error(`instruction ${at / 8}: code ${code}`);
  }
  throw new Error('the program has no end');
}

/** One of seccompActions, without the number that goes with it: SECCOMP_RET_ACTION_FULL. */
export function actionOf(answer: number): number {
  return (answer & 0xffff0000) >>> 0;
}

function dataOf({ arch, number, args }: MadeCall): Buffer {
  const data = Buffer.alloc(64);
  data.writeInt32LE(number | 0, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  });
  return data;
}

/** Numbers of bpf(2) and of eBPF's instructions (linux/bpf.h, Documentation/bpf/standardization). */

export const bpfCommands = { BPF_PROG_LOAD: 5, BPF_PROG_ATTACH: 8 } as const;
export const bpfProgramTypes = { BPF_PROG_TYPE_CGROUP_DEVICE: 15 } as const;
export const bpfAttachTypes = { BPF_CGROUP_DEVICE: 6 } as const;
/** Programs of cgroups below are asked as well: they can deny more, not allow more. */
export const bpfAttachFlags = { BPF_F_ALLOW_MULTI: 2 } as const;

/** What `struct bpf_cgroup_dev_ctx` asks for: `access_type` is the access above 16 bits of type. */
export const deviceAccess = { m: 1, r: 2, w: 4 } as const;
export const deviceTypes = { b: 1, c: 2 } as const;

/** Class, operation and source of the operand, as one byte; 64-bit unless the name says 32. */
export const bpfOpcodes = {
  LOAD_32: 0x61,
  MOVE: 0xb7,
  OR: 0x47,
  AND: 0x57,
  AND_REGISTER: 0x5f,
  SHIFT_RIGHT: 0x77,
  JUMP_UNLESS_EQUAL_32: 0x56,
  JUMP_IF_EQUAL_REGISTER: 0x1d,
  EXIT: 0x95,
} as const;

import type { FilterInstruction } from '../abi/classic-bpf.ts';
import type { ErrnoName } from '../abi/errno.ts';
import { printRule } from '../spec/device-rules.ts';
import type { DeviceRule } from '../spec/spec.ts';
import { moveLink } from './links.ts';
import type { Reach } from './mount-calls.ts';
import { type Joined, printJoin } from './namespaces.ts';
import { type Message, printMessage } from './netlink.ts';
import { printChange, type TableChange } from './nftables.ts';
import { printStep } from './print.ts';
import type { Step } from './step.ts';

/** What only the parent can do, on the host, around the clone of a container: data, like the steps. */
export type HostAction =
  | { readonly call: 'mkdir'; readonly path: string; readonly why: string }
  | {
      readonly call: 'write';
      readonly path: string;
      readonly data: string;
      readonly why: string;
      /** Whether the box can do without: a file that this kernel does not have, say. */
      readonly optional?: boolean;
      /** What the user can do when it fails. */
      readonly hint?: string;
    }
  /** Of a cgroup, with all below it. */
  | { readonly call: 'rmdir'; readonly path: string; readonly why: string }
  | { readonly call: 'copy'; readonly path: string; readonly to: string; readonly why: string }
  /** A program of the host's, until it ends. */
  | {
      readonly call: 'execute';
      readonly argv: readonly string[];
      /** After which it is killed. */
      readonly seconds: number;
      readonly why: string;
      readonly hint: string;
    }
  /** A mount of `path` whose owners are mapped by the box's id maps (mount_setattr(2), MOUNT_ATTR_IDMAP). */
  | { readonly call: 'idmap'; readonly path: string; readonly reach: Reach; readonly why: string }
  /** A mount that a process of tsbox's makes in other namespaces, for the box to attach. */
  | {
      readonly call: 'foreign_mount';
      readonly joined: readonly Joined[];
      /** Path of a namespace that the process is handed. */
      readonly held?: string;
      readonly steps: readonly Step[];
      readonly why: string;
    }
  /** A mount of a file, for the box to attach. */
  | { readonly call: 'lend'; readonly path: string; readonly why: string }
  /** An interface of the host's whose frames a program of tsbox's carries, which is handed its descriptor. */
  | {
      readonly call: 'open_tap';
      /** Of the device that makes them. */
      readonly path: string;
      readonly name: string;
      readonly why: string;
      readonly hint: string;
    }
  /** The frames that a program gets which carries those of a box's interface. */
  | {
      readonly call: 'filter_frames';
      /** Of the program's process. */
      readonly path: string;
      /** Of the interface. */
      readonly name: string;
      readonly filter: readonly FilterInstruction[];
      readonly why: string;
    }
  /** Messages to the kernel, one after the other, in tsbox's own network namespace. */
  | {
      readonly call: 'netlink';
      readonly messages: readonly Message[];
      readonly why: string;
      readonly hint: string;
      /** Errors that count as done. */
      readonly accept?: readonly ErrnoName[];
    }
  /** An interface of the host's goes to the box's network namespace, up, with its addresses (src/linux/move-device.ts). */
  | {
      readonly call: 'move_device';
      readonly name: string;
      /** What it is called there; `%d` stands for a number that is free. */
      readonly to: string;
      readonly why: string;
      readonly hint: string;
    }
  /** A table of the packet filter, changed in one transaction, in tsbox's own network namespace. */
  | {
      readonly call: 'set_table';
      readonly change: TableChange;
      readonly why: string;
      readonly hint: string;
    }
  /** A cgroup's filter of devices, for all below it, too (bpf(2); device-program.ts). */
  | {
      readonly call: 'filter_devices';
      readonly path: string;
      /** Applied in their order, beginning with nothing allowed. */
      readonly rules: readonly DeviceRule[];
      readonly why: string;
      /** Whether the box can do without where the kernel does not let tsbox have it. */
      readonly optional: boolean;
    };

/** Stands for the container's process id on the host, in a path or an argument. */
export const PID = '$PID';

export function printAction(action: HostAction): string {
  switch (action.call) {
    case 'write':
      return `write(${JSON.stringify(action.path)}, ${JSON.stringify(action.data)})`;
    case 'copy':
      return `copy(${JSON.stringify(action.path)}, ${JSON.stringify(action.to)})`;
    case 'execute':
      return `execve(${JSON.stringify(action.argv[0])}, ${JSON.stringify(action.argv)})`;
    case 'idmap':
      return `open_tree(AT_FDCWD, ${JSON.stringify(action.path)}, OPEN_TREE_CLONE${action.reach === 'recursive' ? '|AT_RECURSIVE' : ''}), mount_setattr(…, {attr_set=MOUNT_ATTR_IDMAP, propagation=MS_PRIVATE, userns_fd=…})`;
    case 'foreign_mount':
      return [...action.joined.map(printJoin), 'clone3(…)', ...action.steps.map(printStep)].join(
        '; ',
      );
    case 'lend':
      return `open_tree(AT_FDCWD, ${JSON.stringify(action.path)}, OPEN_TREE_CLONE)`;
    case 'open_tap':
      return `ioctl(open(${JSON.stringify(action.path)}), TUNSETIFF, {ifr_name=${JSON.stringify(action.name)}, ifr_flags=IFF_TAP|IFF_NO_PI|IFF_VNET_HDR})`;
    case 'filter_frames':
      return `ioctl(pidfd_getfd(${action.path}, /* of ${action.name} */), TUNATTACHFILTER, {len=${action.filter.length}, …})`;
    case 'netlink':
      return action.messages
        .map((message) => `sendto(NETLINK_ROUTE, ${printMessage(message)})`)
        .join('\n');
    case 'move_device':
      return `sendto(NETLINK_ROUTE, ${printMessage(moveLink(action.name, action.to))}), setns("/proc/${PID}/ns/net"), sendto(NETLINK_ROUTE, {RTM_NEWADDR, …}), sendto(NETLINK_ROUTE, {RTM_NEWLINK, {ifi_flags=1, …}})`;
    case 'set_table':
      return printChange(action.change)
        .map((command) => `sendto(NETLINK_NETFILTER, ${command})`)
        .join('\n');
    case 'filter_devices':
      return `bpf(BPF_PROG_LOAD, {BPF_PROG_TYPE_CGROUP_DEVICE, ${JSON.stringify(action.rules.map(printRule).join(', '))}}), bpf(BPF_PROG_ATTACH, {${JSON.stringify(action.path)}, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI})`;
    default:
      return `${action.call}(${JSON.stringify(action.path)})`;
  }
}

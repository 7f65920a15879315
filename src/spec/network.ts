/** What a box asks of networks, and what it was given. */
import type { Address, Subnet } from './addresses.ts';

/** `--network` in podman's words. */
export type NetworkChoice =
  /** A network namespace of its own, with nothing but its loopback interface. */
  | {
      readonly kind: 'none';
      /** Why a user's box has no way out that it would have by pasta: what is missing, and what to do. */
      readonly lacks?: string;
    }
  /** That of the host. */
  | { readonly kind: 'host' }
  /** One that is there, by the path of its file in /proc/PID/ns or /run/netns. */
  | { readonly kind: 'namespace'; readonly path: string }
  /** That of another box, which has the id. */
  | { readonly kind: 'box'; readonly id: string; readonly path: string }
  /** A namespace of its own on a bridge of tsbox's. */
  | { readonly kind: 'bridge'; readonly network: Network }
  /** A namespace of its own from which pasta, of that path, leads as far as the user comes. */
  | { readonly kind: 'pasta'; readonly program: string };

/** Through which a program makes interfaces of its own, by tuntap.rst of the kernel's documentation. */
export const TUN_DEVICE = '/dev/net/tun';

/** Whether a user without root can have pasta(1). */
export type Pasta =
  | { readonly program: string }
  /** Two sentences, what is missing and what to do. */
  | { readonly lacks: string; readonly mend: string };

/** What a box gets of whose network nothing is said; `pasta` where it can be had. */
export type UsualNetwork = 'bridge' | 'pasta' | 'none';

/** A port of the host's that leads into the box: `--publish`. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  /** The address of the host's at which it is; all of them if absent. */
  readonly address?: Address;
  readonly host: number;
  readonly box: number;
}

/** What goes into /etc/resolv.conf and /etc/hosts. */
export interface Names {
  /** Resolvers; the host's if there are none. */
  readonly servers: readonly Address[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  readonly hosts: readonly { readonly name: string; readonly address: Address }[];
}

export interface NetworkRequest {
  readonly choice: NetworkChoice;
  readonly ports: readonly PublishedPort[];
  /** Absent where the box keeps the image's files. */
  readonly names?: Names;
  /** Whether nobody asked for it, so that the box does without where the host cannot have it. */
  readonly preferred?: true;
}

/** A bridge of tsbox's, and who may be on it. */
export interface Network {
  readonly name: string;
  /** The interface on the host. */
  readonly bridge: string;
  /** One of version 4 and perhaps one of version 6. The first address in each is the bridge's own. */
  readonly subnets: readonly Subnet[];
  /** Whether it leads nowhere else. */
  readonly internal: boolean;
  /** The most bytes of a packet; that of the way out of the host if absent. */
  readonly mtu?: number;
}

/** By which the interface of a box is configured. */
export interface Place {
  readonly network: Pick<Network, 'name' | 'subnets' | 'internal'>;
  /** One in each of the network's subnets. */
  readonly addresses: readonly Address[];
  readonly mtu: number;
}

/** A box's place on a network of tsbox's. */
export interface Attachment extends Place {
  readonly network: Network;
  readonly ports: readonly PublishedPort[];
}

/** The one that `bridge` means: its addresses are found when the first box joins it. */
export const defaultNetwork: Network = {
  name: 'tsbox',
  bridge: 'tsbox0',
  subnets: [],
  internal: false,
};

/** The address of the bridge itself. */
export const GATEWAY = 1n;

/** What a box would get of networks, and what would be done on the host, without doing it. */
import type { HostAction } from '../plan/action.ts';
import { makeBridge, removeBridge, setForwarding, setTable } from '../plan/bridge.ts';
import { freeSubnet } from '../plan/subnets.ts';
import { addressIn } from '../spec/addresses.ts';
import type { BoxNetwork } from '../spec/box.ts';
import { type Attachment, GATEWAY } from '../spec/network.ts';
import { filesOf } from './box-network.ts';
import { networksDirectory } from './network-state.ts';
import { needsForwarding } from './networks.ts';

interface Foreseen {
  readonly network: BoxNetwork;
  readonly setUp: readonly HostAction[];
  readonly takeDown: readonly HostAction[];
}

/** Of a network card that nobody has. */
const HARDWARE = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** @param boxes the state directory of boxes. */
export function foresee(asked: BoxNetwork, boxes: string, id: string): Foreseen {
  const files = filesOf(asked, networksDirectory(boxes), id);
  const { choice, ports } = asked;
  if (choice.kind !== 'bridge') return { network: { ...asked, files }, setUp: [], takeDown: [] };
  const free = freeSubnet('default', []);
  const subnets =
    choice.network.subnets.length > 0 || free === undefined ? choice.network.subnets : [free];
  const network = { ...choice.network, subnets };
  const mtu = network.mtu ?? 1500;
  const addresses = subnets.map((subnet) => addressIn(subnet, GATEWAY + 1n));
  const attachment: Attachment = { network, addresses, mtu, ports };
  const forward = needsForwarding(network);
  return {
    network: { ...asked, attachment, files },
    setUp: [
      ...makeBridge(network, mtu, HARDWARE),
      setTable(network, [attachment], forward),
      ...(forward ? [setForwarding(true)] : []),
    ],
    takeDown: [...(forward ? [setForwarding(false)] : []), ...removeBridge(network)],
  };
}

/** Networks that somebody created: a file each, which outlives the host's restarts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultNetwork, type Network } from '../spec/network.ts';
import { networkName } from '../spec/network-option.ts';
import { BoxError } from './errors.ts';
import { fromRecord, type NetworkRecord, networkRecord } from './network-state.ts';

const directoryOf = (data: string) => join(data, 'networks');
const fileOf = (data: string, name: string) => join(directoryOf(data), `${name}.json`);

/** @param data where tsbox keeps images and the like. @throws BoxError for a file that tsbox did not write. */
export function findNetwork(data: string, name: string): Network | undefined {
  if (name === defaultNetwork.name) return defaultNetwork;
  const file = fileOf(data, name);
  if (!networkName.test(name) || !existsSync(file)) return undefined;
  const network = fromRecord(readRecord(file));
  if (
    network.name === name &&
    /^tsbox[0-9]{1,9}$/.test(network.bridge) &&
    network.subnets.length > 0
  )
    return network;
  throw new BoxError(`${file}: not a network that tsbox created: remove it and create it again`);
}

function readRecord(file: string): NetworkRecord {
  try {
    const { name, bridge, internal, mtu, subnets } = JSON.parse(readFileSync(file, 'utf8'));
    return {
      name: String(name),
      bridge: String(bridge),
      internal: internal === true,
      ...(Number.isInteger(mtu) ? { mtu } : {}),
      subnets: Array.isArray(subnets) ? subnets.map(String) : [],
    };
  } catch (error) {
    throw new BoxError(`${file}: ${(error as Error).message}: remove it and create it again`, {
      cause: error,
    });
  }
}

/** All of them, the default one first. */
export function listNetworks(data: string): Network[] {
  const directory = directoryOf(data);
  const names = existsSync(directory)
    ? readdirSync(directory).flatMap((file) => /^(.*)\.json$/.exec(file)?.[1] ?? [])
    : [];
  return [defaultNetwork, ...names.toSorted().flatMap((name) => findNetwork(data, name) ?? [])];
}

/** @throws BoxError where there is one of this name. */
export function keepNetwork(data: string, network: Network): void {
  try {
    mkdirSync(directoryOf(data), { recursive: true, mode: 0o755 });
    const text = `${JSON.stringify(networkRecord(network), undefined, 2)}\n`;
    writeFileSync(fileOf(data, network.name), text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BoxError(
      code === 'EEXIST'
        ? `there is a network ${network.name} already: choose another name, or remove it`
        : `the network ${network.name} cannot be kept: ${message}`,
      { cause: error },
    );
  }
}

export function forgetNetwork(data: string, name: string): void {
  rmSync(fileOf(data, name));
}

/**
 * `--device HOST[:BOX][:ACCESS]`: a device of the host's in the box, podman's words, as the device
 * and the rule of the OCI runtime specification (config-linux.md, "Devices" and "Allowed Device list").
 */
import { posix } from 'node:path';
import { defaultDeviceRules } from './defaults.ts';
import { allows } from './device-rules.ts';
import { SpecError } from './errors.ts';
import type { Device, DeviceRule, Mount } from './spec.ts';
import { destination } from './volumes.ts';

/** A device node of the host's. */
export interface HostDevice {
  /** Path from where it was looked for: `` for that very place, `snd/seq` in a directory. */
  readonly below: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Of the node: permission bits, owner and group. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The devices at a path of the host: the one there, or all below the directory there.
 * @throws Error with code ENOENT … where nothing is.
 */
export type FindDevices = (path: string) => readonly HostDevice[];

interface Words {
  readonly source: string;
  readonly target: string;
  readonly access: string;
}

/** Each device with the rule that lets the box use it. @throws SpecError */
export function parseDevice(
  value: string,
  find: FindDevices,
): { readonly device: Device; readonly rule: DeviceRule }[] {
  const { source, target, access } = splitWords(value);
  const place = destination('--device', value, target);
  const found = findOrSay(value, source, find);
  return found.map(({ below, ...node }) => {
    const path = posix.join(place, below);
    if (belongsToBox.test(path))
      throw new SpecError([
        `--device ${value}: ${path} belongs to the box; any other place is allowed, also below /dev`,
      ]);
    const { type, major, minor } = node;
    const device = { path, source: posix.join(source, below), ...node };
    const more = ['r', 'w'].find(
      (letter) => !access.includes(letter) && allows(defaultDeviceRules, device, letter),
    );
    if (more !== undefined)
      throw new SpecError([
        `--device ${value}: every box may read and write ${device.source}: leave the access out`,
      ]);
    return {
      device,
      rule: { allow: true, type, major, minor, access },
    };
  });
}

/** Links and mounts that every box has in its /dev (src/plan/devices.ts). */
const belongsToBox =
  /^\/dev\/(fd|stdin|stdout|stderr|core|ptmx|pts|shm|mqueue|console)$|^\/dev\/pts\//;

/** The specification's `access`: each of its letters once. */
const accessWord = /^(?!.*(.).*\1)[rwm]{1,3}$/;

function splitWords(value: string): Words {
  const [source = '', second, third, ...rest] = value.split(':');
  if (source === '' || rest.length > 0)
    throw new SpecError([
      `--device ${value}: not of the form HOST[:BOX][:ACCESS], such as /dev/fuse or /dev/loop0:/dev/disk:r`,
    ]);
  if (!source.startsWith('/'))
    throw new SpecError([
      `--device ${value}: ${source} is relative; a device of the host is given by its absolute path`,
    ]);
  const short = third === undefined && second !== undefined && accessWord.test(second);
  const [target = source, access = 'rwm'] = short ? [undefined, second] : [second, third];
  if (!accessWord.test(access))
    throw new SpecError([
      `--device ${value}: unknown access ${JSON.stringify(access)}: r (read), w (write) and m (mknod), each once at most, are known`,
    ]);
  return { source: posix.normalize(source), target, access };
}

function findOrSay(value: string, source: string, find: FindDevices): readonly HostDevice[] {
  try {
    const found = find(source);
    if (found.length > 0) return found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new SpecError([
      `--device ${value}: ${source}: ${code}: a device must exist on the host, as a node or a directory of nodes`,
    ]);
  }
  throw new SpecError([
    `--device ${value}: ${source} is not a device, nor a directory with one in it; files and directories are for --volume`,
  ]);
}

/** @throws SpecError when a device would be where another one or a mount is. */
export function checkPlaces(devices: readonly Device[], mounts: readonly Mount[]): void {
  const places = devices.map(({ path }) => path);
  const all = [...mounts.map(({ destination }) => destination), ...places];
  const twice = places.filter((path) => all.indexOf(path) !== all.lastIndexOf(path));
  if (twice.length === 0) return;
  throw new SpecError(
    [...new Set(twice)].map(
      (path) =>
        `${path} is given twice by --device, --volume and --tmpfs; one of them can be there`,
    ),
  );
}

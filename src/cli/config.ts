/**
 * `--config` and `--print-config`: a part of the program of its own, with classes of its own, so that
 * what is wrong is returned and not thrown.
 */
import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, resolve } from 'node:path';
import { firstAttempt } from '../container/retreat.ts';
import { readSubordinateIds } from '../linux/caller-ids.ts';
import { boundingSet } from '../linux/host.ts';
import { hostArch, readHost } from '../sandbox/host.ts';
import { firstIds } from '../sandbox/own-ids.ts';
import { stateDirectory } from '../sandbox/state.ts';
import { profileOf } from '../seccomp/own-profile.ts';
import { type BoxRequest, hostIds } from '../spec/box.ts';
import { bytesOfText, textOfBytes } from '../spec/byte-text.ts';
import { readConfig } from '../spec/config-file.ts';
import { SpecError } from '../spec/errors.ts';
import type { Spec } from '../spec/spec.ts';
import { withUserNamespace } from '../spec/user-namespace.ts';
import type { RunArguments } from './run-arguments.ts';

export type ConfigRead =
  | { readonly request: BoxRequest; readonly notes: readonly string[] }
  | { readonly problems: readonly string[] };

/** The box of a bundle. @param cwd from which `file` is looked for. */
export function readConfigFile(
  file: string,
  cwd: string,
  driver: RunArguments['driver'],
): ConfigRead {
  const path = resolve(cwd, file);
  const bundle = dirname(path);
  try {
    const { spec, notes } = readConfig(readText(path, file), file, {
      bundle,
      arch: hostArch(),
      kernel: release(),
      umask: process.umask(),
      // A guest's kernel has them all.
      ...(driver === 'vm' ? {} : { boundingSet: boundingSet() }),
    });
    const { path: root } = spec.root;
    if (!isDirectory(root))
      return { problems: [`${file}: root.path: ${root} is not a directory that you can read`] };
    // What the workload writes is written into the bundle's root file system, as the OCI has it.
    return { request: { spec, layer: 'writable', ids: hostIds, bundle }, notes };
  } catch (error) {
    if (error instanceof SpecError) return { problems: error.problems };
    throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function readText(path: string, shown: string): string {
  try {
    return textOfBytes(readFileSync(bytesOfText(path)));
  } catch (error) {
    throw new SpecError([
      `--config ${shown}: ${(error as Error).message}: it must be the config.json of an OCI bundle`,
    ]);
  }
}

export type ConfigPrint =
  | { readonly json: string; readonly notes: readonly string[] }
  | { readonly problems: readonly string[] };

/** The specification as JSON that the OCI's runtimes take, and what it cannot say, a sentence each. */
export function printConfig(request: BoxRequest, driver: RunArguments['driver']): ConfigPrint {
  const parent = stateDirectory(process.env, process.geteuid?.() ?? 0);
  const { spec, ids, layer } =
    driver === 'vm' ? request : firstAttempt(request, readHost(request, parent));
  const whole = withUserNamespace(spec, ids.own === 'no' ? ids : firstIds(readSubordinateIds()));
  const { json, unsayable } = toJson(toOci(whole));
  if (unsayable.length > 0)
    return {
      problems: unsayable.map(
        (text) => `--print-config: ${JSON.stringify(text)}: JSON has no bytes that are not UTF-8`,
      ),
    };
  return {
    json: `${json}\n`,
    notes: [
      ...(layer === 'ephemeral'
        ? [
            'what the box writes goes into root.path itself when this is run: it cannot say that it is thrown away',
          ]
        : []),
      ...(ids.own === 'no'
        ? []
        : ['linux.uidMappings is one range of many: a box that is run by flags chooses its own']),
    ],
  };
}

/** Without what is tsbox's own. */
function toOci(spec: Spec): object {
  const { seccomp: _, devices, ...linux } = spec.linux;
  const seccomp = profileOf(spec, hostArch());
  return {
    ...spec,
    linux: {
      ...linux,
      devices: devices.map(({ source, ...device }) => device),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

/** Numbers of 64 bits as they are, which JSON.stringify does not write; no text has a null character. */
function toJson(value: object): { readonly json: string; readonly unsayable: readonly string[] } {
  const unsayable: string[] = [];
  const mark = (_: string, each: unknown) => {
    if (typeof each === 'string' && !each.isWellFormed()) unsayable.push(each);
    return typeof each === 'bigint' ? `\0${each}` : each;
  };
  const json = JSON.stringify(value, mark, 2).replace(/"\\u0000(-?\d+)"/g, '$1');
  return { json, unsayable };
}

/** The flags of `run` as a specification: every default filled in, every value checked. */
import { posix } from 'node:path';
import { capabilityNames } from '../abi/capabilities.ts';
import { aroundBox } from './around-box.ts';
import { type BoxRequest, hostIds } from './box.ts';
import { checkMapped, unlessNeeded, withMappedVolumes } from './box-ids.ts';
import { DEFAULT_HOSTNAME, DEFAULT_UMASK, defaultMounts, OCI_VERSION } from './defaults.ts';
import { checkPlaces, parseDevice } from './devices.ts';
import { parseEntrypoint } from './entrypoint.ts';
import { environment } from './environment.ts';
import { ProblemList, SpecError } from './errors.ts';
import { idMaps } from './id-maps.ts';
import { idsBeside } from './ids-beside.ts';
import { parseAnnotations } from './labels.ts';
import { parseUmask } from './limits.ts';
import { maskedPaths } from './masks.ts';
import { sharing } from './namespace-options.ts';
import { networkRequest, withNetwork } from './network-request.ts';
import { ownMounts } from './own-mounts.ts';
import { privileges, supplementaryGroups } from './process-options.ts';
import { readOnlyMounts } from './read-only-tmpfs.ts';
import { makeResources } from './resource-options.ts';
import type { Caller, ImageFacts, RunOptions } from './run-options.ts';
import { seccompOf } from './seccomp-option.ts';
import {
  mergeSecurityOptions,
  parseSecurityOption,
  type SecurityOptions,
} from './security-options.ts';
import { mountLabel } from './selinux-label.ts';
import { parseShmSize, withShmSize } from './shared-memory.ts';
import type { Linux, Process } from './spec.ts';
import { parseSysctls } from './sysctl-option.ts';
import { type FoundUser, findUser } from './users.ts';

/** @throws SpecError that lists everything that is wrong, not only the first. */
export function specFromOptions(
  options: RunOptions,
  image: ImageFacts,
  caller: Caller,
): BoxRequest {
  const problems = new ProblemList();
  const shared = sharing(options, caller, problems);
  const hostname =
    shared.hostname ?? problems.attempt(() => parseHostname(options.hostname), DEFAULT_HOSTNAME);
  const security = securityOptions(options.securityOpt, problems);
  const networking = networkRequest(options, caller, problems);
  const namespaces = withNetwork(shared.namespaces, networking.network);
  const isolation = makeLinux(options, namespaces, caller, security, problems);
  const asked = problems.attempt(
    () => idsBeside(shared.kin, options) ?? idMaps(options, caller.ids),
    hostIds,
  );
  const user = options.user ?? asked.user;
  const basics = makeProcess(options, user, image, caller, hostname, problems);
  const own = ownMounts(options, caller, problems);
  const wanted = unlessNeeded(asked, options, own);
  const ids = problems.attempt(() => withMappedVolumes(wanted, own, caller.ids), wanted);
  // The first process of a user namespace has every capability there, user_namespaces(7).
  const inUserNamespace = ids.own !== 'no' || ids.uid.length > 0;
  const available = inUserNamespace ? capabilityNames : (caller.boundingSet ?? capabilityNames);
  const process = {
    ...basics,
    user: checkMapped(ids, basics.user, options, caller.ids, problems),
    ...privileges(options, basics.user.uid, security, available, problems),
  };
  const seccomp = problems.attempt(
    () => seccompOf(security.seccomp, caller.seccomp, process.capabilities.bounding),
    undefined,
  );
  const linux = {
    ...isolation,
    ...(seccomp === undefined ? {} : { seccomp }),
  };
  const { shmSize } = options;
  const sized =
    shmSize === undefined
      ? defaultMounts
      : problems.attempt(() => withShmSize(defaultMounts, parseShmSize(shmSize)), []);
  const mounts = readOnlyMounts(options, shared.mounts(sized), own);
  const annotations = parseAnnotations(options.annotation, problems);
  const around = aroundBox(options, caller, problems);
  problems.attempt(() => checkPlaces(linux.devices, mounts), undefined);
  if (options.readOnly && options.writable) {
    problems.add('--read-only and --writable contradict each other; give one of them or none');
  }
  problems.throwIfAny();
  return {
    spec: {
      ociVersion: OCI_VERSION,
      process,
      root: { path: image.rootfs, readonly: options.readOnly },
      ...(isolation.namespaces.some(({ type, path }) => type === 'uts' && path === undefined)
        ? { hostname }
        : {}),
      mounts,
      linux,
      ...(annotations === undefined ? {} : { annotations }),
    },
    ...(options.init ? { init: true } : {}),
    ...around,
    ...(shared.sharedMemory === undefined ? {} : { sharedMemory: shared.sharedMemory }),
    layer: options.writable ? 'writable' : 'ephemeral',
    ids,
    ...networking,
  };
}

function makeProcess(
  options: RunOptions,
  asked: string | undefined,
  image: ImageFacts,
  caller: Caller,
  hostname: string,
  problems: ProblemList,
): Pick<Process, 'args' | 'env' | 'cwd' | 'user' | 'terminal' | 'consoleSize'> {
  const { entrypoint } = options;
  const first =
    entrypoint === undefined ? [] : problems.attempt(() => parseEntrypoint(entrypoint), ['']);
  const args = [...first, ...options.command];
  if (first.length === 0 && (args[0] ?? '') === '') {
    problems.add('no command to run; the first word behind IMAGE is the program');
  }
  const user = problems.attempt(() => findUser(asked ?? '0', image.passwd, image.group), nobodyYet);
  const umask = problems.attempt(
    () => (options.umask === undefined ? DEFAULT_UMASK : parseUmask(options.umask)),
    DEFAULT_UMASK,
  );
  const additionalGids = supplementaryGroups(
    user.additionalGids,
    options.groupAdd,
    image.group,
    problems,
  );
  return {
    args,
    env: environment(options, user.home, hostname, caller, problems),
    cwd: problems.attempt(() => parseWorkdir(options.workdir), '/'),
    user: { uid: user.uid, gid: user.gid, additionalGids, umask },
    ...(options.tty ? { terminal: true } : {}),
    ...(options.tty && caller.consoleSize !== undefined ? { consoleSize: caller.consoleSize } : {}),
  };
}

function securityOptions(words: readonly string[], problems: ProblemList): SecurityOptions {
  const each = words.map((word) => problems.attempt(() => parseSecurityOption(word), {}));
  return mergeSecurityOptions(each);
}

/** Stands in for a user that was not found, until all problems are known. */
const nobodyYet: FoundUser = { uid: 0, gid: 0, additionalGids: [], home: '/' };

function parseWorkdir(value = '/'): string {
  if (value.startsWith('/')) return posix.normalize(value);
  throw new SpecError([
    `--workdir ${value}: a relative path; absolute ones, as seen in the box, are allowed`,
  ]);
}

/** HOST_NAME_MAX, sethostname(2). */
const MAX_HOSTNAME = 64;

function parseHostname(value = DEFAULT_HOSTNAME): string {
  const labels = value.split('.');
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  if (value.length <= MAX_HOSTNAME && labels.every((part) => label.test(part))) return value;
  throw new SpecError([
    `--hostname ${value}: not a host name: letters, digits and hyphens, a dot between parts, ${MAX_HOSTNAME} characters at most, are (RFC 1123)`,
  ]);
}

function makeLinux(
  options: RunOptions,
  namespaces: Linux['namespaces'],
  caller: Caller,
  security: SecurityOptions,
  problems: ProblemList,
): Linux {
  const devices = options.device.flatMap((word) =>
    problems.attempt(() => parseDevice(word, caller.findDevices), []),
  );
  const rules = devices.map(({ rule }) => rule);
  const label = mountLabel(security.label);
  const sysctl = parseSysctls(options.sysctl, namespaces, problems);
  return {
    namespaces,
    uidMappings: [],
    gidMappings: [],
    devices: devices.map(({ device }) => device),
    resources: {
      ...makeResources(options, problems),
      ...(rules.length === 0 ? {} : { devices: rules }),
    },
    ...maskedPaths(security.masked, security.unmasked),
    ...(label === undefined ? {} : { mountLabel: label }),
    ...(sysctl === undefined ? {} : { sysctl }),
  };
}

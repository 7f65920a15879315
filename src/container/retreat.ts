/**
 * What a box gives up where the host cannot do it. A user namespace is not asked for, it is the
 * default; so a host that has none, or that cannot map the owners of the image's files, still starts
 * the box, and says whose ids it has. What the image itself may bring about is no reason: it could
 * choose to be root of the host.
 */
import { describeErrno, errnoName } from '../abi/errno.ts';
import { hasNoUserNamespaces } from '../linux/caller-ids.ts';
import type { Host } from '../plan/host.ts';
import { type Refusal, Refused } from '../sandbox/refusal.ts';
import { type BoxRequest, hostIds } from '../spec/box.ts';
import { LOOPBACK_ALONE, withoutNetwork } from '../spec/network-request.ts';
import type { Mount } from '../spec/spec.ts';

/** Starts what is asked for, or the most of it that the host lets be had. @throws as `start` does. */
export async function attempts<T>(
  request: BoxRequest,
  host: Host,
  say: (message: string) => void,
  start: (request: BoxRequest, host: Host) => Promise<T>,
): Promise<T> {
  let attempt = { request: firstAttempt(request, host), host: await withServer(request, host) };
  if (attempt.host.rootServer !== undefined) say(`there is no overlayfs here${SERVED}`);
  if (attempt.request.ids.given !== undefined) say(attempt.request.ids.given);
  for (;;) {
    try {
      return await start(attempt.request, attempt.host);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { overlay } = attempt.host;
      const facts = await readFacts(attempt.request);
      const next = retreat(attempt.request, attempt.host, error.refusal, facts);
      if (next === undefined) throw error;
      attempt = { ...attempt, ...next };
      if (overlay) attempt.host = await withServer(attempt.request, attempt.host);
      const served = attempt.host.rootServer !== undefined;
      say(next.why + (served ? SERVED : next.withReason ? `: ${error.told.failed}` : ''));
    }
  }
}

/** What matters once something was refused. */
export interface Facts {
  /** Whether this host has no user namespaces for anybody. */
  readonly noUserNamespaces: boolean;
  /** Whether the image is in a file system of which no copy can be made. */
  readonly pseudoImage: boolean;
}

async function readFacts({ spec }: BoxRequest): Promise<Facts> {
  const { isInPseudoFileSystem } = await import('../linux/pseudo-file-system.ts');
  return {
    noUserNamespaces: hasNoUserNamespaces(),
    pseudoImage: isInPseudoFileSystem(spec.root.path),
  };
}

const SERVED = ': fuse-overlayfs does the same for the box';

/** A user's box gets its files from fuse-overlayfs where there is no overlayfs, if that can be had. */
export async function withServer({ layer }: Pick<BoxRequest, 'layer'>, host: Host): Promise<Host> {
  if (host.overlay || host.caller.kind !== 'user' || layer !== 'ephemeral') return host;
  const { findRootServer } = await import('./image-server.ts');
  const rootServer = findRootServer(host);
  return rootServer === undefined ? host : { ...host, rootServer };
}

/** Volumes of a box that has ids of its own without being asked are its root's as if it had not. */
export function firstAttempt(
  request: BoxRequest,
  { mountApi, overlay }: Pick<Host, 'mountApi' | 'overlay'>,
): BoxRequest {
  if (request.ids.own !== 'preferred') return request;
  if (!overlay && request.layer === 'ephemeral')
    return onHostIds(
      request,
      'there is no overlayfs, and a copy of the image has the owners that it has',
    );
  if (mountApi === 'paths')
    return onHostIds(
      request,
      'mount_setattr(2), which maps the owners of files, is missing (Linux 5.12) or forbidden',
    );
  return withMounts(request, (mount) =>
    mount.type === 'bind' && !isHostShm(mount)
      ? { ...mount, options: [...mount.options, 'idmap'] }
      : mount,
  );
}

/** `--ipc=host`: what others put there is theirs. */
function isHostShm({ source, destination }: Mount): boolean {
  return source === '/dev/shm' && destination === source;
}

interface Retreat {
  readonly request?: BoxRequest;
  readonly host?: Host;
  /** A sentence for the user. */
  readonly why: string;
  /** Whether what failed is told after it. */
  readonly withReason?: boolean;
}

/**
 * By which errors the host says that it does not do these in a user namespace. Other errors, and other
 * calls, can be another box's doing, which could use up files or memory, or the image's.
 */
const hostDecides: Readonly<Record<string, readonly string[]>> = {
  clone3: ['EPERM'],
  idmap: ['EINVAL', 'EPERM', 'EOPNOTSUPP', 'ENOSYS'],
  fsopen: ['EPERM', 'EINVAL'],
  fsconfig: ['EPERM', 'EINVAL'],
  fsmount: ['EPERM', 'EINVAL'],
  prlimit64: ['EPERM'],
};

function isOfHost({ call, errno }: Refusal, { noUserNamespaces }: Facts): boolean {
  if (call === 'clone3' && noUserNamespaces) return true;
  return hostDecides[call]?.includes(errnoName(errno)) === true;
}

/** @returns undefined where nothing can be given up. */
export function retreat(
  request: BoxRequest,
  host: Host,
  refused: Refusal,
  facts: Facts,
): Retreat | undefined {
  const { network } = request;
  if (network?.preferred === true && ['sendto', 'pasta'].includes(refused.call))
    return {
      request: { ...request, network: withoutNetwork(network) },
      why: LOOPBACK_ALONE,
      withReason: true,
    };
  const { own, uid, asked } = request.ids;
  const bare = own === 'no' && uid.length === 0;
  if (host.caller.kind === 'user') return withoutOverlay(host, refused, facts);
  if (asked || bare || !isOfHost(refused, facts)) return undefined;
  if (refused.call === 'idmap' && refused.path !== request.spec.root.path) {
    const isIt = ({ source, options }: Mount) =>
      source === refused.path && options.includes('idmap');
    if (!request.spec.mounts.some(isIt)) return undefined;
    return {
      request: withMounts(request, (mount) => (isIt(mount) ? withoutIdmap(mount) : mount)),
      why: `${refused.path}: its file system cannot map owners: files of root there belong to nobody in the box; --userns=host makes them root's`,
    };
  }
  const reason =
    refused.call === 'idmap'
      ? `the file system of ${refused.path} cannot map owners`
      : `in a user namespace ${refused.call} fails: ${describeErrno(refused.errno)}`;
  const given = onHostIds(request, reason);
  return { request: given, why: given.ids.given ?? reason };
}

/** A user's box cannot do without its user namespace, in which overlayfs can be mounted from Linux 5.11 on. */
function withoutOverlay(
  host: Host,
  { call, errno, fileSystem }: Refusal,
  { pseudoImage }: Facts,
): Retreat | undefined {
  // What hinders overlayfs then hinders what takes its place, too.
  if (pseudoImage) return undefined;
  if (host.overlay && fileSystem === 'overlay')
    return {
      host: { ...host, overlay: false },
      why: `overlayfs cannot be mounted in a user namespace here: ${call}: ${describeErrno(errno)}`,
    };
  const { rootServer, ...others } = host;
  if (rootServer === undefined || (call !== 'fuse-overlayfs' && fileSystem !== 'fuse'))
    return undefined;
  return { host: others, why: 'fuse-overlayfs cannot do the same for the box', withReason: true };
}

function onHostIds(request: BoxRequest, reason: string): BoxRequest {
  const given = `root of this box is root of the host: ${reason}`;
  return { ...withMounts(request, withoutIdmap), ids: { ...hostIds, given } };
}

function withoutIdmap(mount: Mount): Mount {
  return { ...mount, options: mount.options.filter((option) => option !== 'idmap') };
}

function withMounts(request: BoxRequest, change: (mount: Mount) => Mount): BoxRequest {
  return { ...request, spec: { ...request.spec, mounts: request.spec.mounts.map(change) } };
}

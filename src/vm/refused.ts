/** What a box can ask for and a micro-VM cannot give, each with the reason. */
import { isDefaultDevice } from '../plan/devices.ts';
import type { Host } from '../plan/host.ts';
import { wantsLabels } from '../plan/labels.ts';
import { isPropagated, reachOf } from '../plan/mount-words.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { BoxRequest } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import type { Mount } from '../spec/spec.ts';
import { unlikeContainer } from './unlike-container.ts';
import { refusedSharing } from './unshared.ts';

/** What the guest's kernel, which does not mount the host's file systems, cannot do to them. */
function refusalOf(mount: Mount): string | undefined {
  if (mount.type !== 'bind') return undefined;
  if (isPropagated(mount))
    return 'slave and shared: what is mounted on the host and in a guest does not reach the other side';
  if (reachOf(mount) === 'this mount')
    return 'bind: a guest gets the directory with all that is mounted in it';
  const times = mount.options.find((word) => /time$/.test(word));
  if (times !== undefined)
    return `${times.replace(/^r(?!elatime)/, '')}: the host keeps the times of files, and reads them for the guest`;
  return undefined;
}

/** @throws BoxError or SpecError for what a micro-VM cannot do. */
export function refuseImpossible(request: BoxRequest, sources: Host['sources']): void {
  const { spec, ids, watch } = request;
  const { seccomp } = spec.linux;
  const refused = [...unlikeContainer(spec), ...refusedSharing(request)];
  if (refused.length > 0) throw new SpecError(refused);
  if (watch !== undefined)
    throw new BoxError(
      '--seccomp-log or a recording with --vm: the calls would have to be heard of inside the guest, which tsbox does not do: run it as a container',
    );
  if (typeof seccomp === 'object' && seccomp.listenerPath !== undefined)
    throw new BoxError(
      'a seccomp profile with listenerPath with --vm: a listener cannot leave the guest: run it as a container',
    );
  if (ids.asked || spec.linux.uidMappings.length > 0)
    throw new BoxError(
      '--userns, --uidmap, --gidmap and idmap with --vm: the machine is the boundary already, and has all ids: leave them out',
    );
  if (wantsLabels(spec))
    throw new BoxError(
      "--security-opt apparmor and label with --vm: the guest's kernel has no policy that knows them: leave them out",
    );
  const device = spec.linux.devices.find((each) => !isDefaultDevice(each));
  if (device !== undefined)
    throw new BoxError(
      `--device ${device.source ?? device.path} with --vm: a device of the host cannot be handed to a micro-VM, whose kernel has devices of its own: run it as a container`,
    );
  for (const mount of spec.mounts) {
    const why = refusalOf(mount);
    if (why !== undefined)
      throw new BoxError(`--volume ${mount.source} with --vm: ${why}: leave it out`);
  }
  for (const [source, kind] of sources)
    if (kind === 'file')
      throw new BoxError(
        `--volume ${source} with --vm: only directories can be shared with a micro-VM: give the directory that holds it`,
      );
}

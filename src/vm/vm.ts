/** The VM driver: a box as a micro-VM, whose init carries out the same plan. */
import { dataDirectory } from '../image/image.ts';
import { recordOf } from '../sandbox/record.ts';
import type { Early, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { beginWorkload } from './begin.ts';
import { type Caller, type Claimed, claimBox, withSpace } from './claim.ts';
import { changes } from './guest.ts';
import { followHosts } from './hosts.ts';
import { prepare } from './prepare.ts';
import { resumeWorkload } from './resume.ts';
import { type Begun, runningMachine } from './running.ts';
import { saveVm } from './save.ts';
import type { Session } from './session.ts';
import { findSnapshot } from './snapshot.ts';

/**
 * Boots the guest, or goes on with one that was saved, and starts the workload.
 * @param timeline whose phases go up to now; the driver adds its own.
 * @param say told in a sentence each of what does not hinder the box: that KVM cannot be used, say.
 * @param early ends the boot; once the workload has started it has no effect.
 * @throws BoxError when the guest does not come up; nothing is left of it then.
 */
export async function startVm(
  request: BoxRequest,
  stdio: Stdio,
  timeline: Timeline,
  say: (message: string) => void,
  early?: Early,
): Promise<Sandbox> {
  const caller = { stdio, timeline, say, early };
  const { save, from } = request.machine ?? {};
  const data = dataDirectory(process.env, process.geteuid?.() ?? 0);
  if (save !== undefined) return saveVm(request, save, data, caller);
  if (from !== undefined) {
    const snapshot = findSnapshot(data, from);
    const claimed = await claimBox(request, caller);
    return run(claimed, caller, () => resumeWorkload(snapshot, claimed));
  }
  const prepared = await prepare(request, caller);
  return run(prepared, caller, () => beginWorkload(prepared.beginning));
}

/** @param begin has the machine come to the workload. */
async function run(
  { state, box, letGo, end }: Claimed,
  { timeline, say }: Caller,
  begin: () => Promise<Begun>,
): Promise<Sandbox> {
  try {
    const begun = await begin();
    letGo();
    const { machine } = begun;
    const unfollow = follow(box, machine.session, say);
    state.note(recordOf({ ...box, id: state.id }, 'vm', machine.pid));
    return runningMachine(state.id, begun, timeline, async () => {
      unfollow();
      for (const why of await end('has run')) say(`${why}: from then on the box had no network`);
    });
  } catch (error) {
    await end('never ran');
    throw withSpace(error, state);
  }
}

/** Has the guest hear of boxes that come and go. @returns what ends that. */
function follow(
  { network }: BoxRequest,
  session: Session,
  say: (message: string) => void,
): () => void {
  const file = network?.files?.find((each) => changes(each.source, network));
  if (file === undefined) return () => undefined;
  try {
    return followHosts(file.source, session);
  } catch (error) {
    say(
      `/etc/hosts of the micro-VM stays as it is now, whatever other boxes come (${(error as Error).message}): raise fs.inotify.max_user_watches and max_user_instances`,
    );
    return () => undefined;
  }
}

/** The VM driver: a box as a micro-VM, whose init carries out the same plan. */
import { recordOf } from '../sandbox/record.ts';
import type { Early, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import type { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { beginWorkload } from './begin.ts';
import type { Guest } from './guest.ts';
import { followHosts } from './hosts.ts';
import { prepare, withSpace } from './prepare.ts';
import { runningMachine } from './running.ts';
import type { Session } from './session.ts';

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
  const { state, beginning, letGo, end } = await prepare(request, { stdio, timeline, say, early });
  try {
    const begun = await beginWorkload(beginning);
    letGo();
    const { machine } = begun;
    const unfollow = follow(beginning.guest, machine.session, say);
    state.note(recordOf({ ...request, id: state.id }, 'vm', machine.pid));
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
function follow({ followed }: Guest, session: Session, say: (message: string) => void): () => void {
  if (followed === undefined) return () => undefined;
  try {
    return followHosts(followed.source, followed.content, session);
  } catch (error) {
    say(
      `/etc/hosts of the micro-VM stays as it is now, whatever other boxes come (${(error as Error).message}): raise fs.inotify.max_user_watches and max_user_instances`,
    );
    return () => undefined;
  }
}

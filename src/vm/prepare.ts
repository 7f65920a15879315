import { dataDirectory } from '../image/image.ts';
import type { BoxState } from '../sandbox/state.ts';
import type { BoxRequest } from '../spec/box.ts';
import type { Beginning } from './begin.ts';
import { type Caller, type Claimed, claimBox, readNames, withSpace } from './claim.ts';
import { diskOf, provideDisk } from './disk.ts';
import { planGuest } from './guest.ts';
import { initialFileSystem } from './initrd.ts';
import { findKernel, requireReadable } from './kernel.ts';
import { storeIn, whyNoStore } from './store.ts';
import { writePieces } from './write-pieces.ts';

export interface Prepared extends Claimed {
  readonly beginning: Beginning;
}

/** @throws BoxError, and nothing is left. */
export async function prepare(request: BoxRequest, caller: Caller): Promise<Prepared> {
  const data = dataDirectory(process.env, process.geteuid?.() ?? 0);
  const kernel = findKernel(data, request.machine?.kernel);
  const wanted = diskOf(request);
  const claimed = await claimBox(request, caller);
  const { state, box, host, arch, setting, base, listener, end } = claimed;
  const { premises } = base;
  const { timeline, say, early } = caller;
  try {
    requireReadable(kernel, premises);
    const store = openStore(data, say);
    const around = { store, premises, setting, abort: early?.abort };
    const disk = wanted && (await provideDisk(wanted, around));
    const guest = planGuest(box, disk ? 'disk' : 'shared', kernel, readNames(box), host);
    timeline.mark('plan');
    const initrd = writeInitrd(state, initialFileSystem(guest, arch));
    timeline.mark('prepare');
    const boots = { kernel: kernel.image, initrd };
    const snapshot = request.machine?.snapshot ?? 'auto';
    const beginning = {
      base: { ...base, acpi: kernel.acpi },
      boots,
      store,
      disk,
      guest,
      arch,
      listener,
      snapshot,
    };
    return { ...claimed, beginning };
  } catch (error) {
    await end('never ran');
    throw withSpace(error, state);
  }
}

/** @returns undefined where nothing can be kept. */
function openStore(data: string, say: (message: string) => void): string | undefined {
  const store = storeIn(data);
  const why = whyNoStore(store);
  if (why === undefined) return store;
  say(
    `disks and templates of micro-VMs cannot be kept in ${store} (${why}), and are made anew each time: make it yours alone, or name another place in TSBOX_DATA`,
  );
  return undefined;
}

function writeInitrd({ directory }: BoxState, pieces: readonly Uint8Array[]): string {
  const initrd = `${directory}/initrd`;
  writePieces(initrd, pieces);
  return initrd;
}

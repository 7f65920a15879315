/** virtiofsd, which serves a directory of the host's to a guest: its command line and its jail. */
import type { Jail } from '../plan/jail.ts';
import { type JailedProgram, jailedProgram } from '../plan/jailed-program.ts';
import { FIRST_EXTRA } from '../plan/program.ts';
import { find } from '../sandbox/tool.ts';
import type { HostShare } from './guest.ts';
import type { Premises } from './premises.ts';
import { virtiofsd } from './tools.ts';

/** With which virtiofsd makes its own, inner sandbox: it gives them up before it serves. */
const forItsSandbox = ['CAP_SYS_ADMIN', 'CAP_SETPCAP'];

/** To do what the guest's users ask for, with their rights. */
const toServe = ['CAP_DAC_OVERRIDE', 'CAP_SETUID', 'CAP_SETGID'];
/** And overlayfs opens its lower layer with O_NOATIME, which others' files allow to CAP_FOWNER alone: open(2). */
const toRead = ['CAP_FOWNER'];
const toChange = ['CAP_CHOWN', 'CAP_FSETID'];
const toMake = ['CAP_MKNOD', 'CAP_SETFCAP'];

/** @throws BoxError when virtiofsd is not there. */
export function virtiofsdProgram(premises: Premises, share: HostShare): JailedProgram {
  const own = [
    ...toServe,
    ...toRead,
    ...(share.readonly ? [] : toChange),
    // A root file system may need devices and privileged programs; a volume is the host's to fill with such.
    ...(share.tag === 'root' && !share.readonly ? toMake : []),
  ];
  const without = [...toChange, ...toMake].filter((name) => !own.includes(name));
  const words = without.map((name) => `-${name.slice('CAP_'.length).toLowerCase()}`);
  const argv = [
    ...[find(virtiofsd), `--fd=${FIRST_EXTRA}`, '--rlimit-nofile=0'],
    ...['-o', 'source=/share', '-o', 'sandbox=namespace'],
    ...(words.length === 0 ? [] : ['-o', `modcaps=${words.join(':')}`]),
  ];
  const jail: Jail = {
    ...premises,
    places: [
      ...premises.system,
      { kind: 'proc', path: 'proc' },
      {
        kind: 'host directory',
        path: 'share',
        source: share.source,
        access: share.readonly ? 'read-only' : 'writable',
      },
    ],
    inmate: { ...premises.root, capabilities: [...own, ...forItsSandbox] },
    limits: { RLIMIT_CORE: 0n },
  };
  return jailedProgram(jail, argv, 1);
}

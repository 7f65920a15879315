/**
 * A session on descriptor 3 with this process's own standard streams; descriptor 4 gets how it ended. The
 * guest is sent a plan once it is up.
 * An argument says how many times /etc/hosts changes, whether the guest reads or not.
 */
import { writeSync } from 'node:fs';
import { Session } from '../../src/vm/session.ts';

const session = new Session(3, { stdin: 0, stdout: 1, stderr: 2 }, false, 'nothing');
const up = await session.up;
const progress = await session.carryOut(Buffer.from('plan'));
for (let change = 1; change <= Number(process.argv[2] ?? 0); change++)
  session.changeHosts(Buffer.alloc(1_000_000, change));
const end = await session.end;
const outcome =
  end.kind === 'ended'
    ? { kind: end.kind, status: end.exit.status, report: end.report.toString() }
    : end;
writeSync(4, JSON.stringify({ up: up?.toString(), progress: progress?.kind, ...outcome }));
session.close();

/** A user without root, on a QEMU that `tsbox qemu build` has made: its jail, and a network behind passt. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { installedQemus } from '../../src/vm/qemu/installed.ts';
import { becomeOrdinaryUser, giveToUser } from '../host/ordinary-user.ts';
import { OUTSIDE, type OwnHost } from '../host/own-host.ts';
import { exchange, onPastaHost } from '../host/pasta-host.ts';

const roots = dataDirectory(process.env, 0);
const built = installedQemus(roots).find(({ name }) => name.startsWith('static-'));

describe.runIf(built !== undefined)('a static QEMU', () => {
  const name = built?.name ?? '';
  const { env } = becomeOrdinaryUser('one');
  const qemus = join(env.TSBOX_DATA, 'qemus');
  mkdirSync(qemus);
  symlinkSync(join(roots, 'qemus', name), join(qemus, name));
  giveToUser(qemus);

  let host: OwnHost;
  onPastaHost((made) => {
    host = made;
    host.box('true', '--vm', '--network=none');
  });

  test('reaches what its host reaches', () => {
    expect(host.tsbox('qemu', 'use', name).stdout).toBe(`${name}\n`);
    const { stdout, stderr } = host.box(exchange(OUTSIDE), '--vm', '--network=pasta', '--timing');
    expect(stdout).toBe('unharmed\n');
    expect(stderr).toContain(`(${name}, `);
  });
});

/** What the fields of an OCI configuration do in a micro-VM, seen from inside on its own kernel. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleDirectory, config, run, script } from '../host/bundle.ts';
import { type Effect, effects } from '../host/config-effects.ts';
import { eachLeavesNothing } from '../host/tsbox.ts';

eachLeavesNothing();

mkdirSync(join(bundleDirectory, 'shared'));
writeFileSync(join(bundleDirectory, 'shared/file'), 'shared\n');

test.each<Effect>(effects)('%s', (_, change, text, expected) => {
  const { status, stdout, stderr } = run(config(change, script(text)), '--vm');
  expect({ status, stderr: stderr.replace(/^tsbox: KVM is not used .*\n/, '') }).toEqual({
    status: 0,
    stderr: '',
  });
  if (typeof expected === 'string') expect(stdout).toBe(expected);
  else expect(stdout).toMatch(expected);
});

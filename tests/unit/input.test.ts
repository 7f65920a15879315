/** What is read for a guest never is more than it has room for. */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DetachKeys } from '../../src/terminal/detach-keys.ts';
import { keyboard, openInput } from '../../src/vm/input.ts';

test('keys that were held back are within the credit when they come out', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'input-test-'));
  onTestFinished(() => rmSync(scratch, { recursive: true }));
  const typed = 'xabxababy';
  writeFileSync(join(scratch, 'typed'), typed);
  const keys = new DetachKeys(Buffer.from('abc'));
  let sent = '';
  const way = keyboard(
    {
      take: (bytes) => keys.take(bytes).bytes,
      get held() {
        return keys.held;
      },
    },
    (type, bytes = new Uint8Array()) => {
      if (type === 'stdin') sent += Buffer.from(bytes).toString();
    },
  );
  const input = openInput(openSync(join(scratch, 'typed'), 'r'), way);
  onTestFinished(() => input.close());
  for (let allowed = 1; allowed <= typed.length; allowed++) {
    input.allow(1);
    await new Promise((settle) => setTimeout(settle, 20));
    expect(sent.length).toBeLessThanOrEqual(allowed);
  }
  expect(sent).toBe(typed);
});

/** Terminal injection (CVE-2017-5226): what a box pushes into the caller's terminal, the caller's shell would read. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../host/tsbox.ts';
import { compile, copyOfBusybox, scratchDirectory } from './box.ts';

const top = scratchDirectory();
const [rootfs, volume] = [join(top, 'image'), join(top, 'volume')];
mkdirSync(volume);
compile('attack', volume);
copyOfBusybox(rootfs);
const terminal = compile('terminal', top);

/** What is seen on a terminal, and what is left in it for the next reader. */
function onTerminal(...words: string[]): string {
  return execFileSync(terminal, words, { encoding: 'utf8' });
}

const box = ['--rootfs', rootfs, '-v', `${volume}:/v`, '--', '/v/attack', 'terminal'];

test.each([
  [],
  ['--userns=auto'],
  ['--security-opt=no-new-privileges=false'],
  ['-it'],
  ['-i', '-t', '--userns=host'],
])('terminal injection: TIOCSTI from the workload, %s', (...flags) => {
  const seen = onTerminal(program, 'run', ...flags, ...box);
  expect(seen).toMatch(/^TIOCSTI: /);
  expect(seen).not.toMatch(/INJECTED/);
});

/** A kernel with dev.tty.legacy_tiocsti=0 refuses it to everyone. */
const refusedByKernel = readOr('/proc/sys/dev/tty/legacy_tiocsti') === '0';

test.skipIf(refusedByKernel)('it succeeds without the session of its own and the filter', () => {
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const script = `
    const { noOptions, plainRoot, specFromOptions, imageFacts, startContainer, planContainer, Timeline } =
      await import(${JSON.stringify(library)});
    const options = { ...noOptions, userns: 'host', command: ['/v/attack', 'terminal'], volume: ['${volume}:/v'] };
    const caller = { env: {}, cwd: '/', ids: plainRoot };
    const request = specFromOptions(options, imageFacts('${rootfs}'), caller);
    const without = (...of) => {
      const plan = planContainer(...of);
      const kept = ({ call, args }) => call !== 'setsid' && call !== 'seccomp' && args[0]?.names?.[0] !== 'PR_SET_SECCOMP';
      return { ...plan, sections: plan.sections.map((section) => ({ ...section, steps: section.steps.filter(kept) })) };
    };
    const stdio = { stdin: 0, stdout: 1, stderr: 2 };
    const box = await startContainer(request, stdio, new Timeline(), console.error, undefined, without);
    await box.wait();
  `;
  const seen = onTerminal(process.execPath, '--input-type=module', '--eval', script);
  expect(seen).toMatch(/^ESCAPED: typed[\s\S]*INJECTED echo ESCAPED/m);
});

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * The known ways out of a container or VM, tried in every kind of box: none leads out, none changes a
 * canary, the image or the runtime. Each is then seen to succeed in a box without the defence.
 *
 * Elsewhere: parsers (CVE-2021-43784, crun 2026-30892) are the property tests of
 * tests/unit/users.test.ts and limits.test.ts; what a guest can do to its machine is tests/vm.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tsbox as library } from '../host/library.ts';
import { type Attack, attacks, type Scene } from './attacks.ts';
import { compile, copyOfBusybox, type Outcome, runHere, scratchDirectory } from './box.ts';
import { makeCanaries, picture, runtimePicture } from './canary.ts';
import { kinds } from './kinds.ts';

const top = scratchDirectory();
mkdirSync(join(top, 'volume'));
compile('attack', join(top, 'volume'));
// The sealed copy of tsbox-init stays open from the first box on.
copyOfBusybox(join(top, 'first'));
await runHere(join(top, 'first'), ['true'], {});

let number = 0;
function sceneOf({ image }: Attack): Scene {
  const own = join(top, String(number++));
  const scene = {
    rootfs: join(own, 'image'),
    canaries: join(own, 'canaries'),
    volume: join(top, 'volume'),
  };
  mkdirSync(own);
  onTestFinished(() => rmSync(own, { recursive: true }));
  makeCanaries(scene.canaries);
  copyOfBusybox(scene.rootfs);
  image?.(scene);
  return scene;
}

interface Result {
  readonly outcome: Outcome;
  /** What shows that the attack came through. */
  readonly signs: readonly string[];
}

async function attempt(
  scene: Scene,
  { script, options }: Attack,
  run: typeof runHere,
): Promise<Result> {
  const trees = (): string[] => [
    ...[scene.canaries, scene.rootfs].flatMap(picture),
    ...runtimePicture(),
  ];
  const before = new Set(trees());
  const outcome = await run(scene.rootfs, ['sh', '-c', script(scene)], options?.(scene) ?? {});
  const changed = trees().filter((line) => !before.has(line));
  const said = outcome.stdout.split('\n').filter((line) => line.startsWith('ESCAPED'));
  return { outcome, signs: [...said, ...changed] };
}

describe.each(attacks.map((attack) => [`${attack.row}: ${attack.name}`, attack] as const))(
  '%s',
  (_, attack) => {
    const { refused, without, notIn } = attack;

    test.each(kinds.filter(({ name }) => notIn?.includes(name) !== true))('$name', async (kind) => {
      const { outcome, signs } = await attempt(sceneOf(attack), attack, kind.run);
      expect(signs).toEqual([]);
      expect(outcome).toMatchObject({ hung: false, left: [] });
      expect(outcome.error).toMatch(refused ?? /^$/);
      expect(outcome.error).not.toMatch(/^ +at /m);
      if (refused !== undefined) expect(outcome.status).toBe(125);
    });

    // What is not in the plan is taken out in native-defences.test.ts.
    if (without === undefined) return;
    test(`succeeds without ${without.what}`, async () => {
      const scene = sceneOf(attack);
      const change = without.change(scene);
      const { outcome, signs } = await attempt(scene, attack, (rootfs, command, options) =>
        runHere(rootfs, command, options, (...of) => change(library.planContainer(...of), ...of)),
      );
      expect(signs, JSON.stringify(outcome)).not.toEqual([]);
    });
  },
);

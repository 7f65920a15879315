/** Programs that answer as QEMUs do which are not at hand here. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from '../../src/image/image.ts';

const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** A data directory with root's images and kernels, and QEMUs of its own. */
export function dataWith(own: string, qemus: Readonly<Record<string, string>>): string {
  for (const part of ['images', 'kernels'])
    symlinkSync(join(dataDirectory({}, 0), part), join(own, part));
  for (const [name, script] of Object.entries(qemus)) {
    const directory = join(own, 'qemus', name);
    mkdirSync(directory, { recursive: true });
    const program = join(directory, `qemu-system-${machine}`);
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
  }
  return own;
}

/** QEMU 5.2: it has the machine, and not yet the network back end that passt talks to. */
export const qemu52 = `
echo '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 5}, "package": ""}}}'
while read -r line; do
  case $line in
    *query-version*) echo '{"return": {"qemu": {"micro": 0, "minor": 2, "major": 5}, "package": ""}}' ;;
    *'"machine"'*) echo '{"return": [{"name": "microvm-machine"}]}' ;;
    *'"accel"'*) echo '{"return": [{"name": "kvm-accel"}, {"name": "tcg-accel"}]}' ;;
    *sandbox*) echo '{"return": [{"option": "sandbox", "parameters": []}]}' ;;
    *query-qmp-schema*) echo '{"return": [{"members": [{"name": "hubport"}, {"name": "tap"}]}]}' ;;
    *) echo '{"return": {}}' ;;
  esac
done`;

/** One from before there was a machine "microvm", or built without it. */
export const withoutMicrovm = qemu52.replace('microvm-machine', 'pc-machine');

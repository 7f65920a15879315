/** A source package "qemu" of a program of three lines, in a directory that apt takes for a place of packages. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the recipe builds of it says that it is QEMU 9.8.7. */
const program = `#include <stdio.h>
int main(void) { puts("QEMU emulator version 9.8.7 (tsbox)"); return 0; }
`;

const ninja = `rule cc
  command = cc -static -o $out $in
build qemu-system-x86_64: cc ../source/main.c
`;

const firmware = `project('firmware')
custom_target('bios.bin', output: 'bios.bin', command: ['sh', '-c', 'echo firmware >"$0"', '@OUTPUT@'], build_by_default: true)
`;

/**
 * @param directory where it is put; it is apt's only place then.
 * @param sabotage what its configure does first.
 * @returns the file to name in APT_CONFIG, apt.conf(5).
 */
export function sourcePackage(directory: string, version: string, sabotage: string): string {
  const tree = join(directory, 'tree');
  const files: Readonly<Record<string, string>> = {
    configure: `#!/bin/sh\n${sabotage}\ncat >build.ninja <<'EOF'\n${ninja}EOF\n`,
    'main.c': program,
    'include/exec/memory.h': '#define RAM_READONLY_FD (1 << 12)\n',
    'configs/devices/x86_64-softmmu/default.mak': '',
    'roms/qboot/meson.build': firmware,
    'debian/changelog': `qemu (${version}) unstable; urgency=low\n\n  * None.\n\n -- A <a@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n`,
    'debian/control':
      'Source: qemu\nMaintainer: A <a@example.org>\nStandards-Version: 4.6.2\n\nPackage: qemu\nArchitecture: all\nDescription: none\n',
    'debian/source/format': '1.0\n',
    'debian/rules': '#!/usr/bin/make -f\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text, { mode: 0o755 });
  }
  const place = join(directory, 'place');
  mkdirSync(place);
  const output = (cwd: string, command: string, ...words: string[]) =>
    execFileSync(command, words, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  output(directory, 'dpkg-source', '-b', 'tree');
  for (const name of readdirSync(directory).filter((each) => each.startsWith('qemu_')))
    renameSync(join(directory, name), join(place, name));
  writeFileSync(join(place, 'Sources'), output(place, 'dpkg-scansources', '.'));
  const sources = join(directory, 'sources');
  mkdirSync(sources);
  // As for programs: the recipe looks for sources where these are.
  writeFileSync(join(sources, 'own.list'), `deb [trusted=yes] file:${place} ./\n`);
  const config = join(directory, 'apt.conf');
  writeFileSync(config, `Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "${sources}";\n`);
  return config;
}

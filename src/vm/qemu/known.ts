/**
 * What each QEMU has said it can do, kept until the host restarts: asking takes tens of milliseconds. A
 * file that has changed since, by its size or times, is asked again.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../../linux/make-directory.ts';
import { qemuFactsFile } from '../../sandbox/state.ts';
import { features } from './features.ts';
import { type Facts, probe } from './probe.ts';

type Known = Readonly<Record<string, { readonly file: string; readonly facts: Facts }>>;

/**
 * @param program an absolute path.
 * @throws BoxError where it does not run, or is no QEMU.
 */
export async function factsOf(program: string): Promise<Facts> {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(program, { bigint: true });
  // Another tsbox may have asked less.
  const file = [dev, ino, size, mtimeNs, ctimeNs, ...Object.keys(features)].join(' ');
  const known = readKnown()[program];
  if (known?.file === file) return known.facts;
  const facts = await probe(program);
  keep({ ...readKnown(), [program]: { file, facts } });
  return facts;
}

function place(): string {
  return qemuFactsFile(process.env, process.geteuid?.() ?? 0);
}

function readKnown(): Known {
  try {
    return JSON.parse(readFileSync(place(), 'utf8'));
  } catch {
    return {};
  }
}

/** As a whole or not at all. */
function keep(known: Known): void {
  const own = `${place()}.${process.pid}`;
  try {
    makeDirectory(dirname(own));
    writeFileSync(own, JSON.stringify(known), { flag: 'wx', mode: 0o644 });
    renameSync(own, place());
  } catch {
    // It is asked again next time.
    removeIfThere(own);
  }
}

/** In a directory that may be another's. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then it has not been made.
  }
}

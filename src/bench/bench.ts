/** A whole benchmark: who takes part, the rounds, the report. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { dataDirectory } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import { printVmm } from '../sandbox/sandbox.ts';
import type { ImageFacts } from '../spec/run-options.ts';
import { chooseAccelerator } from '../vm/accelerator.ts';
import { findQemu, vmmOf } from '../vm/qemu/find.ts';
import { measure } from './measure.ts';
import { BASE, ownSubjects } from './own.ts';
import { findPeers } from './peers.ts';
import { type BenchReport, type BenchSettings, type HostFacts, makeReport } from './report.ts';
import { randomSequence } from './schedule.ts';
import { type Absent, type Candidate, isAbsent, type Subject } from './subject.ts';

export interface BenchRequest extends BenchSettings {
  readonly facts: ImageFacts;
  /** bin/tsbox and its version. */
  readonly program: string;
  readonly programVersion: string;
  /** Names of those that shall take part; empty: all. */
  readonly subjects: readonly string[];
}

/** @throws BoxError when a name is unknown or nobody is left. */
export async function runBench(
  request: BenchRequest,
  progress: (round: number, name: string) => void,
): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'tsbox-bench-'));
  const tidy = () => rmSync(directory, { recursive: true, force: true });
  // Ends by a signal do not come by `finally`.
  process.once('exit', tidy);
  try {
    const all = [
      ...ownSubjects(request.facts, request.program, request.programVersion, await vmmHere()),
      ...(await findPeers(request.facts, directory)),
    ];
    const { subjects, absent } = choose(all, request.subjects);
    const random = randomSequence(request.seed);
    const measurement = await measure(subjects, request, random, progress);
    const { image, runs, warmup, seed } = request;
    return makeReport({ image, runs, warmup, seed }, hostFacts(), measurement, absent, random);
  } finally {
    process.off('exit', tidy);
    tidy();
  }
}

/** Where there is none, the subject fails by itself, and says why. */
async function vmmHere(): Promise<string> {
  const { accelerator } = chooseAccelerator();
  try {
    const data = dataDirectory(process.env, process.geteuid?.() ?? 0);
    return printVmm(vmmOf(await findQemu(data, accelerator, []), accelerator));
  } catch (error) {
    if (error instanceof BoxError) return '';
    throw error;
  }
}

/** The host process always takes part: without it there is nothing to compare with. */
export function choose(
  all: readonly Candidate[],
  names: readonly string[],
): { subjects: Subject[]; absent: Absent[] } {
  const known = all.map(({ name }) => name);
  const strange = names.filter((name) => !known.includes(name));
  if (strange.length > 0) {
    throw new BoxError(
      `--subjects: no subject ${strange.join(', ')}; there are: ${known.join(', ')}`,
    );
  }
  const wanted = all.filter(
    ({ name }) => names.length === 0 || names.includes(name) || name === BASE,
  );
  return {
    subjects: wanted.filter((candidate): candidate is Subject => !isAbsent(candidate)),
    absent: wanted.filter(isAbsent),
  };
}

function hostFacts(): HostFacts {
  const processors = cpus();
  return {
    kernel: release(),
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    processors: processors.length,
    memory: totalmem(),
    node: process.versions.node,
  };
}

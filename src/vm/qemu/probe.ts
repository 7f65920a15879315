/** Asks a QEMU what it can do, over its monitor: it is started without a machine. */
import { closeSync, openSync, readSync } from 'node:fs';
import { BoxError } from '../../sandbox/errors.ts';
import { type Answer, questions, readAnswers, type Told } from './features.ts';

export interface Facts extends Told {
  /** Whether it is loaded without the host's libraries. */
  readonly static: boolean;
}

/** Milliseconds: it takes some tens. */
const PATIENCE = 20_000;

const withoutMachine = ['-M', 'none', '-nodefaults', '-no-user-config', '-display', 'none'];

/** @throws BoxError where it does not run, or is no QEMU. */
export async function probe(program: string): Promise<Facts> {
  const { execa } = await import('execa');
  const result = await execa(program, [...withoutMachine, '-qmp', 'stdio'], {
    input: questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
    cwd: '/',
    timeout: PATIENCE,
    reject: false,
    // What is in the caller's environment is not to have a say in it.
    extendEnv: false,
  });
  const told = readAnswers(answersIn(result.stdout));
  if (told !== undefined) return { ...told, static: isStatic(program) };
  const why = [result.stderr, result.originalMessage, 'it gave no answer'].find(Boolean);
  throw new BoxError(
    `QEMU cannot be used: ${program} was asked what it can do: ${why}: install it anew, or have another one used: \`tsbox qemu ls\``,
  );
}

/** Beside the greeting and events, which are neither. */
function answersIn(output: string): Answer[] {
  return output.split('\n').flatMap((line) => {
    const answer = parsed(line);
    return answer?.return === undefined && answer?.error === undefined ? [] : [answer];
  });
}

function parsed(line: string): Answer | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** elf(5): one that is not names the program that loads it, in a header of type PT_INTERP. */
function isStatic(program: string): boolean {
  const file = openSync(program, 'r');
  try {
    const start = Buffer.alloc(4096);
    const length = readSync(file, start);
    if (length < start.length || start.toString('latin1', 0, 4) !== '\x7fELF') return false;
    const [PHOFF, PHENTSIZE, PHNUM, PT_INTERP] = [0x20, 0x36, 0x38, 3];
    const headers = Number(start.readBigUInt64LE(PHOFF));
    const [size, count] = [start.readUInt16LE(PHENTSIZE), start.readUInt16LE(PHNUM)];
    if (headers + size * count > length) return false;
    const types = Array.from({ length: count }, (_, at) => start.readUInt32LE(headers + at * size));
    return !types.includes(PT_INTERP);
  } finally {
    closeSync(file);
  }
}

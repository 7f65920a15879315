/** A program of the host's that works for a box in a jail, as text. */
import { printAction } from '../plan/action.ts';
import { jailNamespaces } from '../plan/jail.ts';
import type { JailedProgram } from '../plan/jailed-program.ts';
import { printSections, printWithReason } from '../plan/print.ts';

/** For a shell, an option and its value on each line. */
export function commandLine(argv: readonly string[]): string {
  const words = argv.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return words.reduce((line, word) => line + (word.startsWith('-') ? ' \\\n  ' : ' ') + word);
}

/** @param what tsbox does, without a full stop. */
export function startLines(what: string, name: string, program: JailedProgram): string[] {
  return [`# ${what}`, commandLine(program.argv), '', ...jailLines(name, program)];
}

/** What comes before the program is executed. */
function jailLines(name: string, { jail, maps, sections }: JailedProgram): string[] {
  return [
    `# The jail of ${name}: clone3({flags=${jailNamespaces(jail).join('|')}}), then`,
    ...maps.map((action) => printWithReason(printAction(action), action.why)),
    ...(maps.length === 0 ? [] : ['# and, in the new process,']),
    '',
    printSections(sections),
  ];
}

/** A program of the host's that works for a box in a jail, as text. */
import { printAction } from '../plan/action.ts';
import { jailNamespaces } from '../plan/jail.ts';
import { printSections, printWithReason } from '../plan/print.ts';
import type { JailedProgram } from './jailed.ts';

/** For a shell, an option and its value on each line. */
export function commandLine(argv: readonly string[]): string {
  const words = argv.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return words.reduce((line, word) => line + (word.startsWith('-') ? ' \\\n  ' : ' ') + word);
}

/** What comes before the program is executed. */
export function jailLines(name: string, { jail, maps, sections }: JailedProgram): string[] {
  return [
    `# The jail of ${name}: clone3({flags=${jailNamespaces(jail).join('|')}}), then`,
    ...maps.map((action) => printWithReason(printAction(action), action.why)),
    ...(maps.length === 0 ? [] : ['# and, in the new process,']),
    '',
    printSections(sections),
  ];
}

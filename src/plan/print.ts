/** Shows steps as strace(1) would, with the names of slots where strace has numbers. */
import type { Argument, Section, Step } from './step.ts';

/** `openat2(root, "proc", {…}, 24) = target` */
export function printStep(each: Step): string {
  const args = each.args.map(printArgument).join(', ');
  const into = each.into === undefined ? '' : ` = ${each.into}`;
  const accept = each.accept === undefined ? '' : `  [or ${each.accept.join(', ')}]`;
  const needs = each.needs === undefined ? '' : `  [if ${each.needs}]`;
  const unless = each.unless === undefined ? '' : `  [unless ${each.unless}]`;
  return `${each.call}(${args})${into}${accept}${needs}${unless}`;
}

export function printArgument(argument: Argument): string {
  switch (argument.kind) {
    case 'string':
      return JSON.stringify(argument.value);
    case 'strings':
      return `[${argument.value.map((value) => JSON.stringify(value)).join(', ')}]`;
    case 'slot':
      return argument.slot;
    case 'number':
      return argument.text ?? String(argument.value);
    case 'flags':
      return argument.names.join('|') || '0';
    case 'structure':
      return `{${Object.entries(argument.fields)
        .map(([name, field]) => `${name}=${printArgument(field)}`)
        .join(', ')}}`;
    case 'bytes':
      return argument.text;
  }
}

/** Column at which reasons stand, when the call leaves room. */
const REASON_COLUMN = 78;

/** A call with the reason for it beside it, or below it when it is long. */
export function printWithReason(call: string, why: string): string {
  if (call.length < REASON_COLUMN) return `${call.padEnd(REASON_COLUMN)} # ${why}`;
  return `${call}\n${' '.repeat(REASON_COLUMN)} # ${why}`;
}

/** Every section under its title. */
export function printSections(sections: readonly Section[]): string {
  return sections
    .map(({ title, steps }) => {
      const lines = steps.map((each) => printWithReason(printStep(each), each.why));
      return `## ${title}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

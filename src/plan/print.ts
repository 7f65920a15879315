/** Shows steps as strace(1) would, with the names of slots where strace has numbers. */
import type { Argument, Step } from './step.ts';

/** `openat2(root, "proc", {…}, 24) = target` */
export function printStep(each: Step): string {
  const args = each.args.map(printArgument).join(', ');
  const into = each.into === undefined ? '' : ` = ${each.into}`;
  const accept = each.accept === undefined ? '' : `  [or ${each.accept.join(', ')}]`;
  const needs = each.needs === undefined ? '' : `  [if ${each.needs}]`;
  return `${each.call}(${args})${into}${accept}${needs}`;
}

function printArgument(argument: Argument): string {
  switch (argument.kind) {
    case 'string':
      return JSON.stringify(argument.value);
    case 'strings':
      return `[${argument.value.map((value) => JSON.stringify(value)).join(', ')}]`;
    case 'slot':
      return argument.slot;
    default:
      return argument.text;
  }
}

/** Makes the template of a box's machine, so that the box itself starts from it. */
import { closeSync, openSync } from 'node:fs';
import { BoxError } from '../sandbox/errors.ts';
import type { Early } from '../sandbox/sandbox.ts';
import { Timeline } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { chooseAccelerator } from './accelerator.ts';
import { templateSource } from './begin.ts';
import { withSpace } from './claim.ts';
import { provideImageTemplate } from './from-template.ts';
import { prepare } from './prepare.ts';
import { discardTemplate, type Template, TemplateError } from './template.ts';

/**
 * @returns the template, which may have been there.
 * @throws BoxError where it can have none, or its guest does not come up.
 */
export async function warmVm(
  request: BoxRequest,
  say: (message: string) => void,
  early?: Early,
): Promise<Template> {
  const nothing = openSync('/dev/null', 'r+');
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  try {
    const timeline = new Timeline();
    const { state, beginning, end } = await prepare(request, { stdio, timeline, say, early });
    try {
      const source = await templateSource(beginning, chooseAccelerator());
      if ('lacks' in source) throw new BoxError(`no template can be made: ${source.lacks}`);
      const { maker, ingredients } = source;
      return await provideImageTemplate(maker, ingredients).catch((error) => {
        if (!(error instanceof TemplateError)) throw error;
        discardTemplate(maker.store, error);
        throw new BoxError(
          `the template ${error.template} could not be made: ${error.message.trim()}`,
          { cause: error },
        );
      });
    } catch (error) {
      throw withSpace(error, state);
    } finally {
      await end('never ran');
    }
  } finally {
    closeSync(nothing);
  }
}

/** Has a QEMU built by the recipe that comes with tsbox, qemu/build. */
import { BoxError } from '../../sandbox/errors.ts';
import { builtDirectory } from './installed.ts';

/**
 * What the recipe says goes to standard error, the name of what it has built to standard output.
 * @param version of the source package; undefined: the newest there is.
 * @throws BoxError where it was not built.
 */
export async function buildQemu(
  recipe: string,
  data: string,
  version: string | undefined,
): Promise<void> {
  const { execa } = await import('execa');
  const words = [recipe, builtDirectory(data), ...(version === undefined ? [] : [version])];
  const result = await execa('/bin/sh', words, { stdio: 'inherit', reject: false });
  if (result.failed)
    throw new BoxError(
      'QEMU was not built: why is said above; micro-VMs run on the QEMU that they ran on',
    );
}

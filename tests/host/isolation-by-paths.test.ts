/** All of isolation.test.ts once more where the kernel refuses to make mounts by descriptors. */
import { errnoNumber } from '../../src/abi/errno.ts';
import { compile } from './programs.ts';
import { program, starter } from './tsbox.ts';

starter.by = [compile('refuse-calls'), String(errnoNumber('ENOSYS')), program];
starter.ids = 'none';
await import('./isolation.test.ts');

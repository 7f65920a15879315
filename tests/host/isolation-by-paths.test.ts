/** All of isolation.test.ts once more where the kernel refuses to make mounts by descriptors. */
import { errnoNumber } from '../../src/abi/errno.ts';
import { compile } from './programs.ts';
import { starter } from './tsbox.ts';

starter.become = [compile('refuse-calls'), String(errnoNumber('ENOSYS'))];
starter.ids = 'none';
await import('./isolation.test.ts');

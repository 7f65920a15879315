/** All of fuse-overlayfs.test.ts once more by a user that has subordinate ids. */
import { becomeOrdinaryUser } from './ordinary-user.ts';

becomeOrdinaryUser('subordinate');
await import('./fuse-overlayfs.test.ts');

/** All of seccomp-listener.test.ts once more by a user without root that has subordinate ids. */
import { becomeOrdinaryUser } from './ordinary-user.ts';

becomeOrdinaryUser('subordinate');
await import('./seccomp-listener.test.ts');

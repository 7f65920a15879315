/** All of library.test.ts once more in a process of a user without root that has subordinate ids. */
import { turnIntoOrdinaryUser } from './ordinary-user.ts';

turnIntoOrdinaryUser('subordinate');
await import('./library.test.ts');

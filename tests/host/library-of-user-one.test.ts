/** All of library.test.ts once more in a process of a user without root that has one id. */
import { turnIntoOrdinaryUser } from './ordinary-user.ts';

turnIntoOrdinaryUser('one');
await import('./library.test.ts');

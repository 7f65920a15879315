/** All of privilege.test.ts once more by a user without root that has one id. */
import { becomeOrdinaryUser } from './ordinary-user.ts';

becomeOrdinaryUser('one');
await import('./privilege.test.ts');

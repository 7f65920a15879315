/** Networks of a user with subordinate ids, by pasta. */
import { becomeOrdinaryUser } from './ordinary-user.ts';

becomeOrdinaryUser('subordinate');
await import('./network-pasta.test.ts');

/** Where the program starts: with compiled code kept between runs, as most of its start-up is compiling. */
import { enableCompileCache } from 'node:module';

enableCompileCache(`${import.meta.dirname}/.compiled`);
// Not before the cache is on.
void import('./main.ts');

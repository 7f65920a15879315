/** Where the program starts: with compiled code kept between runs, as most of its start-up is compiling. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('./.compiled', import.meta.url)));
await import('./main.ts');

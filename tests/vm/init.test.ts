import { initLife } from '../host/init-life.ts';
import { eachLeavesNothing } from '../host/tsbox.ts';

eachLeavesNothing();

initLife('--vm');

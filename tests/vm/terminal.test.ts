import { terminalLife } from '../host/terminal-life.ts';
import { eachLeavesNothing } from '../host/tsbox.ts';

eachLeavesNothing();

terminalLife('--vm');

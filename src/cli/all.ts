/** The whole program. */
import { startContainer } from '../container/container.ts';
import { startVm } from '../vm/vm.ts';
import { registerBench } from './bench.ts';
import { registerCompare } from './compare.ts';
import { registerDoctor } from './doctor.ts';
import { registerExplain } from './explain.ts';
import { registerKernel } from './kernel.ts';
import { main } from './main.ts';
import { registerNetwork } from './network.ts';
import { say } from './print.ts';
import { registerQemu } from './qemu.ts';
import { type Drivers, registerRun } from './run.ts';
import { registerSeccomp } from './seccomp.ts';
import { registerVm } from './vm.ts';

const drivers: Drivers = {
  container: (request, stdio, timeline, early) =>
    startContainer(request, stdio, timeline, say, early),
  vm: (request, stdio, timeline, early) => startVm(request, stdio, timeline, say, early),
};

export const exit = process.exit;

export const ended = main({
  run: registerRun(drivers),
  compare: registerCompare,
  explain: registerExplain,
  bench: registerBench,
  seccomp: registerSeccomp(drivers),
  doctor: registerDoctor,
  network: registerNetwork,
  vm: registerVm,
  kernel: registerKernel,
  qemu: registerQemu,
});

/**
 * tsbox as a library: make a specification, start it with one of the two drivers, wait.
 */
export { startContainer } from './container/container.ts';
export { dataDirectory, findImage, findRootfs, imageFacts } from './image/image.ts';
export { findDevices } from './linux/devices.ts';
export type { HostAction } from './plan/action.ts';
export { type ContainerPlan, planContainer } from './plan/container.ts';
export type { Section, Step } from './plan/step.ts';
export { BoxError } from './sandbox/errors.ts';
export type { Exit, Sandbox, Stdio, Vmm } from './sandbox/sandbox.ts';
export { type Phase, Timeline } from './sandbox/timeline.ts';
export { type Box, type BoxIds, type BoxRequest, hostIds } from './spec/box.ts';
export { type CallerIds, plainRoot } from './spec/caller-ids.ts';
export { SpecError } from './spec/errors.ts';
export { specFromOptions } from './spec/from-options.ts';
export { type Caller, type ImageFacts, noOptions, type RunOptions } from './spec/run-options.ts';
export type { Spec } from './spec/spec.ts';
export { startVm } from './vm/vm.ts';

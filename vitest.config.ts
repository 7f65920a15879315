import { defineConfig } from 'vitest/config';

/** Those of the others leave nothing on this host: they have none, or one of their own. */
const ownHost = ['unit', 'cgroup2'];

const project = (name: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`tests/${name}/**/*.test.ts`],
    globalSetup: ownHost.includes(name) ? [] : ['tests/clean-host.ts'],
  },
});

export default defineConfig({
  test: {
    projects: ['unit', 'host', 'cgroup2', 'vm', 'cli', 'hostile'].map(project),
    // Tests count what is left on the host, so that no other may run meanwhile.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});

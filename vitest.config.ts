import { defineConfig } from 'vitest/config';

const project = (name: string) => ({
  extends: true as const,
  test: { name, include: [`tests/${name}/**/*.test.ts`] },
});

export default defineConfig({
  test: {
    projects: ['unit', 'host', 'cgroup2', 'vm', 'cli', 'hostile'].map(project),
    // Tests count what is left on the host, so that no other may run meanwhile.
    fileParallelism: false,
    globalSetup: 'tests/clean-host.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});

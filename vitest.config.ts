import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores are what small machines have; the suites that start servers are heavier than they look.
    maxWorkers: 2,
    // Only what hangs takes as long: see test/patience.ts.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
  },
});

import { defineConfig } from 'vitest/config'

/** One project per tier, by rising cost; `npm run test:<tier>` runs one. */
const tiers = [
  {
    name: 'unit',
    include: [
      'src/**/*.test.ts',
      'tools/**/*.test.ts',
      'argocd/*.test.ts',
      'test/bench/{model,overlaps,results,traces}.test.ts',
    ],
    testTimeout: 10_000,
  },
  { name: 'wire', include: ['test/wire/**/*.test.ts'], testTimeout: 30_000 },
  { name: 'sql', include: ['test/sql/**/*.test.ts'], testTimeout: 60_000 },
  {
    name: 'api',
    include: ['test/api/**/*.test.ts', 'test/bench/gates.test.ts'],
    testTimeout: 120_000,
  },
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 180_000 },
  { name: 'chaos', include: ['test/chaos/**/*.test.ts'], testTimeout: 600_000 },
]

export default defineConfig({
  test: {
    pool: 'forks',
    // Each file of these tiers starts servers of its own; two at a time fill two cores.
    maxWorkers: 2,
    projects: tiers.map((tier) => ({
      test: { ...tier, hookTimeout: 180_000, environment: 'node' },
    })),
  },
})

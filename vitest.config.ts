import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url))

/** Real processes and sockets, with deadlines of their own: nothing else runs beside them. */
const alone = ['test/real/**/*.test.ts', 'test/hostile/**/*.test.ts', 'test/scripts/hostile.test.ts']

const config: ViteUserConfig = defineConfig({
  resolve: {
    // Scripts that tests import run on the sources that the tests run on, not on what was built last.
    alias: [
      { find: /^#crypto$/, replacement: source('runtime/crypto-node.ts') },
      { find: /^holdfast$/, replacement: source('index.ts') },
      { find: /^holdfast\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
})

export default config

/**
 * Mutation testing of the policies by their own tests: `npm run mutation [-- <glob of sources>]`, see docs/mutation.md.
 * All that it writes is below coverage/, which git, eslint and biome leave alone and vitest never looks for tests in.
 */

const config = {
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'scripts/mutation.vitest.mjs' },
  mutate: ['src/policy/**/*.ts'],
  testFiles: ['test/policy/**/*.test.ts'],
  coverageAnalysis: 'perTest',
  // What runs once, as a module is loaded, costs a run of every test for each mutant.
  ignoreStatic: true,
  concurrency: 2,
  incremental: true,
  incrementalFile: 'coverage/mutation/incremental.json',
  tempDirName: 'coverage/mutation/sandbox',
  ignorePatterns: ['coverage', 'dist', 'docs', 'etc', 'examples', 'bench'],
  reporters: ['progress-append-only', 'clear-text', 'json', 'html'],
  clearTextReporter: { allowColor: false, logTests: false, allowEmojis: false, reportScoreTable: true },
  jsonReporter: { fileName: 'coverage/mutation/report.json' },
  htmlReporter: { fileName: 'coverage/mutation/report.html' },
  thresholds: { high: 95, low: 85, break: 85 },
  timeoutMS: 10_000,
}

export default config

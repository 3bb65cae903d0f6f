/** The house's vitest, with properties that draw the same cases every time: a mutant that lives in one run lives in the next. */
import { mergeConfig } from 'vitest/config'
import config from '../vitest.config.ts'

export default mergeConfig(config, { test: { setupFiles: ['scripts/mutation.seed.mjs'] } })

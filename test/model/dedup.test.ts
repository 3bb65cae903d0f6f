import fc from 'fast-check'
import { describe, it } from 'vitest'
import { DedupCache } from '../../src/policy/dedup.js'
import { dedupModel } from '../../src/testing/index.js'
import { PATIENCE_MS, runs } from './runs.js'

describe('DedupCache', () => {
  it('keeps D1 to D6 in every sequence of calls, whatever its clock does', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      dedupModel(fc, (options) => new DedupCache(options)),
      runs(10_000),
    )
  })
})

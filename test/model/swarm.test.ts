import fc from 'fast-check'
import { describe, it } from 'vitest'
import { swarmModel } from '../../src/testing/index.js'
import { PATIENCE_MS, runs } from './runs.js'

describe('a network of swarms', () => {
  it('keeps S1 to S14 at every event, whatever is done to it', { timeout: PATIENCE_MS }, async () => {
    await fc.assert(swarmModel(fc), runs(200))
  })
})

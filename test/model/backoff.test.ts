import fc from 'fast-check'
import { describe, it } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { backoffModel } from '../../src/testing/index.js'
import { PATIENCE_MS, runs } from './runs.js'

describe('BackoffPolicy', () => {
  it('keeps B1 to B6 for any rules and any history of failures', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      backoffModel(fc, (options) => new BackoffPolicy(options)),
      runs(10_000),
    )
  })

  it('keeps them with the rules of the default profile', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      backoffModel(fc, () => new BackoffPolicy(), fc.constant({})),
      runs(1_000),
    )
  })
})

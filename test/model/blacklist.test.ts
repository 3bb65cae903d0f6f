import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import type { PeerId } from '../../src/ports/types.js'
import { blacklistModel } from '../../src/testing/index.js'
import { PATIENCE_MS, runs } from './runs.js'

describe('Blacklist', () => {
  it('keeps L1 to L8 in every sequence of strikes, bans and restarts', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      blacklistModel(fc, (options) => new Blacklist(options)),
      runs(10_000),
    )
  })

  it('keeps L5 against a million offenders, and none of them lifts a ban by the host', { timeout: PATIENCE_MS }, () => {
    const list = new Blacklist()
    const offender = (i: number): PeerId =>
      Array.from(String(i), (digit) => 'abcdefghij'[Number(digit)])
        .join('')
        .padEnd(55, 'z') as PeerId
    list.ban('203.0.113.1', 'permanent', 'by hand', 0)
    for (let i = 0; i < 1_000_000; i++) list.strike({ peerId: offender(i), points: i % 16 === 0 ? 60 : 20 }, 0)
    expect(list.size).toEqual({ scores: 65_536, bans: 62_501 })
    expect(list.check({ ip: '203.0.113.1' }, 0)?.cause).toBe('by hand')
    // Its points were forgotten long ago.
    expect(list.check({ peerId: offender(0) }, 0)?.by).toBe('strikes')
    for (let i = 0; i < 200_000; i++) list.strike({ peerId: offender(i), points: 60 }, 1)
    expect(list.size).toEqual({ scores: 65_536, bans: 65_537 })
  })
})

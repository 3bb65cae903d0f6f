import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { peerStoreModel, SeededRandom } from '../../src/testing/index.js'
import { PATIENCE_MS, runs } from './runs.js'

describe('PeerStore', () => {
  it('keeps P1 to P4, P6 and P8, whoever comes, goes and tells', { timeout: PATIENCE_MS }, () => {
    fc.assert(
      peerStoreModel(fc, (options) => new PeerStore(options)),
      runs(10_000),
    )
  })

  it('draws everybody first sooner or later, as P6 wants it, in about equal shares', () => {
    const book = new PeerStore()
    const ids = Array.from('abcdefghijklmnop', (letter) => letter.repeat(55) as PeerId)
    for (const id of ids) book.pin(id)
    const random = new SeededRandom(1)
    const firsts = new Map(ids.map((id) => [id, 0]))
    for (let i = 0; i < 16_000; i++) {
      for (const id of book.drawn(random)) {
        firsts.set(id, (firsts.get(id) ?? 0) + 1)
        break
      }
    }
    for (const count of firsts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(200)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BanGuard } from '../../src/policy/ban-guard.js'

const WINDOW_MS = 600_000

describe('a ban guard', () => {
  it('never lets bans end more than a quarter of the links within ten minutes, and one in any case', () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(200_000), comes: fc.nat(6) }), { maxLength: 200, size: 'max' })
    fc.assert(
      fc.property(fc.nat(125), steps, (begins, moves) => {
        const guard = new BanGuard()
        let now = 0
        let links = begins
        let ended: number[] = []
        for (const { afterMs, comes } of moves) {
          now += afterMs
          links += comes
          ended = ended.filter((at) => now - at < WINDOW_MS)
          if (links === 0) continue
          const allowed = Math.max(1, Math.floor((links + ended.length) / 4))
          const may = guard.mayEnd(links, now)
          expect(may).toBe(ended.length < allowed)
          if (!may) continue
          ended.push(now)
          links--
        }
      }),
    )
  })

  it('counts anew once ten minutes have passed', () => {
    const guard = new BanGuard()
    expect([guard.mayEnd(4, 0), guard.mayEnd(3, 1), guard.mayEnd(3, WINDOW_MS - 1)]).toEqual([true, false, false])
    expect(guard.mayEnd(3, WINDOW_MS)).toBe(true)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkSlot,
  reserveFor,
  resolveSlots,
  type SlotCandidate,
  type SlotCounts,
  type SlotLimits,
} from '../../src/policy/slots.js'

const LIMITS: SlotLimits = { reserve: 50, regularMax: 75, unknownInboundMax: 19, outboundTarget: 12 }
const EMPTY: SlotCounts = {
  masternode: 0,
  persistent: 0,
  regularInbound: 0,
  regularOutbound: 0,
  unknownInbound: 0,
  unknownOutbound: 0,
}
const candidates: fc.Arbitrary<SlotCandidate> = fc.record({
  peerClass: fc.constantFrom('masternode', 'persistent', 'regular', 'unknown'),
  direction: fc.constantFrom('inbound', 'outbound'),
})
type Bucket = keyof SlotCounts

function bucketOf({ peerClass, direction }: SlotCandidate): Bucket {
  if (peerClass === 'masternode' || peerClass === 'persistent') return peerClass
  return `${peerClass}${direction === 'inbound' ? 'Inbound' : 'Outbound'}`
}

function victims(counts: SlotCounts, victim: string): Bucket[] {
  const of: Record<string, Bucket[]> = {
    'unknown-inbound': ['unknownInbound'],
    inbound: ['unknownInbound', 'regularInbound'],
    outbound: ['unknownOutbound', 'regularOutbound'],
  }
  return (of[victim] ?? []).filter((bucket) => counts[bucket] > 0)
}

const trustedOf = (counts: SlotCounts): number => counts.masternode + counts.persistent
const totalOf = (counts: SlotCounts): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + Number(count), 0)

describe('reserveFor', () => {
  it('is 1.1 times the trusted, rounded up, and at least 50', () => {
    expect([reserveFor(0, 0), reserveFor(45, 0), reserveFor(46, 0), reserveFor(50, 50), reserveFor(101, 0)]).toEqual([
      50, 50, 51, 110, 112,
    ])
    expect(reserveFor(2 ** 20, 2 ** 20)).toBe(2_306_868)
    for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 20 + 1]) {
      expect(() => reserveFor(bad, 0)).toThrow('whitelisted must be a whole number from 0 to 2^20')
      expect(() => reserveFor(0, bad)).toThrow('persistent must be a whole number from 0 to 2^20')
    }
  })
})

describe('checkSlot', () => {
  const answer = (
    counts: Partial<SlotCounts>,
    peerClass: SlotCandidate['peerClass'],
    direction: SlotCandidate['direction'],
  ): string => {
    const decision = checkSlot({ ...EMPTY, ...counts }, LIMITS, { peerClass, direction })
    return 'victim' in decision ? `${decision.kind} ${decision.victim}` : decision.kind
  }

  it('keeps every bound through any sequence of arrivals and departures', () => {
    const limits = fc.record({
      reserve: fc.integer({ min: 1, max: 6 }),
      regularMax: fc.integer({ min: 0, max: 8 }),
      unknownInboundMax: fc.integer({ min: 0, max: 4 }),
      outboundTarget: fc.integer({ min: 0, max: 4 }),
    })
    const steps = fc.array(fc.tuple(candidates, fc.boolean(), fc.nat()), { maxLength: 150, size: 'max' })
    fc.assert(
      fc.property(limits, steps, (bounds, moves) => {
        const counts = { ...EMPTY }
        for (const [candidate, arrives, pick] of moves) {
          const bucket = bucketOf(candidate)
          if (!arrives) {
            counts[bucket] = Math.max(0, counts[bucket] - 1)
            continue
          }
          const before = { ...counts }
          const decision = checkSlot(counts, bounds, candidate)
          if (decision.kind === 'evict' || decision.kind === 'exchange') {
            const choice = victims(counts, decision.victim)
            expect(choice.length).toBeGreaterThan(0)
            const victim = choice[pick % choice.length]
            if (victim !== undefined) counts[victim] -= 1
          }
          if (decision.kind !== 'refuse') counts[bucket] += 1

          const total = bounds.reserve + bounds.regularMax
          expect(totalOf(counts)).toBeLessThanOrEqual(total)
          expect(totalOf(counts) - trustedOf(counts)).toBeLessThanOrEqual(bounds.regularMax)
          expect(counts.unknownInbound).toBeLessThanOrEqual(bounds.unknownInboundMax)
          expect(trustedOf(counts)).toBeGreaterThanOrEqual(trustedOf(before))
          const isTrusted = bucket === 'masternode' || bucket === 'persistent'
          if (isTrusted) expect(decision.kind === 'refuse').toBe(trustedOf(before) >= total)
          // For the sake of more networks one inbound peer goes for another, and an unknown one only for its like.
          if (decision.kind === 'exchange') {
            expect(candidate.direction).toBe('inbound')
            expect(isTrusted).toBe(false)
            if (decision.victim === 'inbound') expect(candidate.peerClass).toBe('regular')
          }
          if (decision.kind === 'evict') {
            expect(candidate).not.toEqual({ peerClass: 'unknown', direction: 'inbound' })
            if (decision.victim === 'outbound') expect(isTrusted).toBe(true)
            if (decision.victim === 'inbound' && !isTrusted) expect(candidate.direction).toBe('outbound')
          }
        }
      }),
    )
  })

  it('admits trusted peers without evicting anybody while the reserve has room', () => {
    const common = { regularInbound: 40, regularOutbound: 12, unknownInbound: 19, unknownOutbound: 4 }
    expect(answer({ ...common, masternode: 49 }, 'masternode', 'inbound')).toBe('admit')
    expect(answer({ ...common, masternode: 49 }, 'persistent', 'outbound')).toBe('admit')
  })

  it('lets trusted peers overflow into the common slots, inbound ones going first', () => {
    expect(answer({ masternode: 60, regularInbound: 5 }, 'masternode', 'inbound')).toBe('admit')
    expect(answer({ masternode: 50, regularInbound: 1, regularOutbound: 74 }, 'masternode', 'inbound')).toBe(
      'evict inbound',
    )
    expect(answer({ masternode: 50, regularOutbound: 75 }, 'persistent', 'outbound')).toBe('evict outbound')
    expect(answer({ masternode: 50, regularInbound: 60, unknownInbound: 15 }, 'masternode', 'inbound')).toBe(
      'evict unknown-inbound',
    )
    expect(answer({ masternode: 100, persistent: 25 }, 'masternode', 'inbound')).toBe('refuse')
  })

  it('gives unknown inbound peers their part and nobody else’s place', () => {
    expect(answer({ unknownInbound: 18 }, 'unknown', 'inbound')).toBe('admit')
    expect(answer({ unknownInbound: 19 }, 'unknown', 'inbound')).toBe('exchange unknown-inbound')
    expect(answer({ regularInbound: 75 }, 'unknown', 'inbound')).toBe('refuse')
    expect(answer({ masternode: 120, regularInbound: 5 }, 'unknown', 'inbound')).toBe('refuse')
  })

  it('evicts an unknown inbound peer for a regular or chosen one', () => {
    expect(answer({ regularInbound: 74 }, 'regular', 'inbound')).toBe('admit')
    expect(answer({ regularInbound: 74, unknownInbound: 1 }, 'regular', 'inbound')).toBe('evict unknown-inbound')
    expect(answer({ regularInbound: 74, unknownInbound: 1 }, 'unknown', 'outbound')).toBe('evict unknown-inbound')
    expect(answer({ masternode: 120, unknownInbound: 5 }, 'regular', 'inbound')).toBe('evict unknown-inbound')
  })

  it('exchanges an inbound regular only for its like, and evicts one while too few links are of our own choosing', () => {
    expect(answer({ regularInbound: 75 }, 'regular', 'inbound')).toBe('exchange inbound')
    expect(answer({ regularInbound: 64, regularOutbound: 11 }, 'regular', 'outbound')).toBe('evict inbound')
    expect(answer({ regularInbound: 63, regularOutbound: 11, unknownOutbound: 1 }, 'unknown', 'outbound')).toBe(
      'refuse',
    )
    expect(answer({ regularOutbound: 75 }, 'regular', 'inbound')).toBe('refuse')
  })
})

describe('resolveSlots', () => {
  it('fills in what was left out, and names what is wrong', () => {
    expect(resolveSlots({})).toEqual({ regularMax: 75, unknownInboundMax: 19, outboundTarget: 12 })
    expect(resolveSlots({ regularMax: 8 })).toEqual({ regularMax: 8, unknownInboundMax: 19, outboundTarget: 12 })
    for (const bad of [-1, 1.5, NaN, 65_537])
      expect(() => resolveSlots({ regularMax: bad })).toThrow('slots.regularMax')
    expect(() => resolveSlots({ reserve: 3 } as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: 'there is no option slots.reserve' }),
    )
  })
})

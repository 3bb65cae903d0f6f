import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BackoffPolicy, toBackoffPolicy, type BackoffDecision } from '../../src/policy/backoff.js'
import type { Random } from '../../src/ports/clock.js'
import type { PeerClass } from '../../src/ports/types.js'

const chance = (value: number): Random => ({ float: () => value, bytes: (length) => new Uint8Array(length) })
const delay = (decision: BackoffDecision): number => (decision.kind === 'retry' ? decision.delayMs : NaN)
const classes = fc.constantFrom<PeerClass[]>('masternode', 'persistent', 'regular', 'unknown')
const floats = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const attempts = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 1_000_000 }))
const policy = new BackoffPolicy()

describe('BackoffPolicy', () => {
  it('has the default profile', () => {
    const raw = (peerClass: PeerClass, upTo: number): number[] =>
      Array.from({ length: upTo }, (_, i) => delay(policy.next(peerClass, i + 1, chance(0))))
    expect(raw('masternode', 7)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect(raw('persistent', 7)).toEqual(raw('masternode', 7))
    expect(raw('regular', 9)).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000])
    expect(raw('unknown', 2)).toEqual([5_000, 10_000])
    expect(policy.next('regular', 10, chance(0))).toEqual({ kind: 'cold' })
    expect(policy.next('unknown', 3, chance(0))).toEqual({ kind: 'forget' })
  })

  it('raises the alarm from the stated failure on', () => {
    const alarm = (peerClass: PeerClass, attempt: number): boolean => {
      const decision = policy.next(peerClass, attempt, chance(0))
      return decision.kind === 'retry' && decision.alarm
    }
    expect([49, 50, 51].map((n) => alarm('masternode', n))).toEqual([false, true, true])
    expect([19, 20, 21].map((n) => alarm('persistent', n))).toEqual([false, true, true])
    expect(alarm('regular', 9)).toBe(false)
  })

  it('waits between raw · (1 − jitter) and raw, never for nothing and never for ever', () => {
    fc.assert(
      fc.property(
        classes,
        attempts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        floats,
        (peerClass, attempt, jitter, float) => {
          const hot = { jitter, hotAttemptsMax: 'unlimited' } as const
          const custom = new BackoffPolicy({ masternode: hot, persistent: hot, regular: hot, unknown: hot })
          const rawMs = delay(custom.next(peerClass, attempt, chance(0)))
          const delayMs = delay(custom.next(peerClass, attempt, chance(float)))
          expect(delayMs).toBeGreaterThan(0)
          expect(delayMs).toBeLessThanOrEqual(rawMs)
          expect(delayMs).toBeGreaterThanOrEqual(rawMs * (1 - jitter))
          expect(rawMs).toBeLessThanOrEqual(delay(custom.next(peerClass, attempt + 1, chance(0))))
        },
      ),
    )
  })

  it('starts again at the first delay', () => {
    fc.assert(
      fc.property(classes, floats, (peerClass, float) => {
        expect(policy.next(peerClass, 0, chance(float))).toEqual(policy.next(peerClass, 1, chance(float)))
      }),
    )
  })

  it('never gives up a trusted peer, and stops the others exactly at their limit', () => {
    fc.assert(
      fc.property(classes, attempts, floats, (peerClass, attempt, float) => {
        const { kind } = policy.next(peerClass, attempt, chance(float))
        if (peerClass === 'regular') expect(kind).toBe(attempt >= 10 ? 'cold' : 'retry')
        else if (peerClass === 'unknown') expect(kind).toBe(attempt >= 3 ? 'forget' : 'retry')
        else expect(kind).toBe('retry')
      }),
    )
  })

  it('follows the newest source document to the letter where asked to', () => {
    const { literal } = BackoffPolicy
    expect(delay(literal.next('masternode', 3, chance(0.9)))).toBe(8_000)
    expect(delay(literal.next('masternode', 49, chance(0.9)))).toBe(60_000)
    expect(literal.next('masternode', 50, chance(0))).toEqual({ kind: 'give-up' })
    expect(delay(literal.next('regular', 9, chance(0.9)))).toBe(300_000)
    expect(literal.next('regular', 10, chance(0))).toEqual({ kind: 'give-up' })
  })

  it('says what would have been allowed', () => {
    const refused =
      (rule: object): (() => unknown) =>
      () =>
        new BackoffPolicy({ unknown: rule })
    expect(refused({ factor: 0 })).toThrow('backoff.unknown.factor must be a number from 1 to 100, but was 0')
    expect(refused({ alarmAt: 0 })).toThrow("backoff.unknown.alarmAt must be a whole number from 1 on, or 'never'")
    expect(refused({ afterHot: 'x' })).toThrow("backoff.unknown.afterHot must be 'cold', 'forget' or 'give-up'")
  })

  it('may give everybody up at the first failure', () => {
    const strict = new BackoffPolicy({ masternode: { hotAttemptsMax: 1, alarmAt: 1, afterHot: 'give-up' } })
    expect(strict.next('masternode', 0, chance(0))).toMatchObject({ kind: 'retry', alarm: false })
    expect(strict.next('masternode', 1, chance(0))).toEqual({ kind: 'give-up' })
  })

  it.each([
    ['firstMs', 0],
    ['firstMs', NaN],
    ['firstMs', '2'],
    ['capMs', 1_999],
    ['capMs', Infinity],
    ['factor', 0.9],
    ['factor', 101],
    ['jitter', -0.1],
    ['jitter', 1.1],
    ['hotAttemptsMax', 0],
    ['hotAttemptsMax', 'never'],
    ['alarmAt', 1.5],
    ['afterHot', 'explode'],
  ])('refuses %s = %s by name', (field, value) => {
    expect(() => new BackoffPolicy({ masternode: { [field]: value } })).toThrow(`backoff.masternode.${field}`)
  })
})

describe('toBackoffPolicy', () => {
  it('leaves a policy as it is', () => {
    expect(toBackoffPolicy(policy)).toBe(policy)
  })

  it('tames the answers of a function', () => {
    const next = (answer: number | null): BackoffDecision => toBackoffPolicy(() => answer).next('regular', 1, chance(0))
    expect(next(null)).toEqual({ kind: 'give-up' })
    expect(next(250)).toEqual({ kind: 'retry', delayMs: 250, alarm: false })
    expect(delay(next(-1))).toBe(0)
    expect(delay(next(Infinity))).toBe(86_400_000)
    expect(delay(next(NaN))).toBe(60_000)
    expect(delay(next(undefined as unknown as number))).toBe(60_000)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reason, ReasonCode } from '../../src/errors.js'
import { BackoffPolicy, toBackoffPolicy } from '../../src/policy/backoff.js'
import { checkDial, firstDialMs, planAfterFailure, planAfterLoss, trustedDialsMax } from '../../src/policy/dial.js'
import type { PeerClass } from '../../src/ports/types.js'
import { seeded } from '../swarm/seeded.js'

const random = seeded(7)
const fair = { isConnected: false, isDialing: false, isBanned: false, hasTransport: true }
const fail = (code: ReasonCode, peerClass: PeerClass, failures = 0, more: Partial<Reason> = {}, judged = true) =>
  planAfterFailure(
    { reason: { code, fault: 'network', ...more }, peerClass, failures, judged, isElsewhere: false },
    new BackoffPolicy(),
    random,
  )

describe('checkDial', () => {
  it('names what speaks against a dial, the firmest first', () => {
    expect(checkDial(fair)).toBe(null)
    expect(checkDial({ ...fair, isConnected: true, isDialing: true })).toBe('already-connected')
    expect(checkDial({ ...fair, isDialing: true, isBanned: true })).toBe('already-dialing')
    expect(checkDial({ ...fair, isBanned: true, hasTransport: false })).toBe('banned')
    expect(checkDial({ ...fair, hasTransport: false })).toBe('no-transport')
  })
})

describe('the first dial', () => {
  it('is at once on the preferred side, or where nobody else dials; else after 2 to 3 s', () => {
    for (let i = 0; i < 100; i++) {
      expect(firstDialMs(true, true, random)).toBe(0)
      expect(firstDialMs(false, false, random)).toBe(0)
      const wait = firstDialMs(false, true, random)
      expect(wait).toBeGreaterThanOrEqual(2_000)
      expect(wait).toBeLessThan(3_000)
    }
  })
})

describe('trustedDialsMax', () => {
  it('is a quarter of the trusted peers, 16 at least', () => {
    expect([0, 64, 65, 400].map(trustedDialsMax)).toEqual([16, 16, 17, 100])
  })
})

describe('planAfterFailure', () => {
  it('never gives up a trusted peer, whatever happened how often', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ReasonCode>('connection-lost', 'banned', 'wrong-network', 'garbage', 'duplicate', 'timeout'),
        fc.constantFrom<PeerClass>('masternode', 'persistent'),
        fc.nat(100_000),
        (code, peerClass, failures) => {
          const { next } = fail(code, peerClass, failures)
          expect(next.kind).toBe('retry')
          if (next.kind === 'retry') expect(next.delayMs).toBeLessThanOrEqual(60_000)
        },
      ),
    )
  })

  it('drops an address that we found to be our own, but never for a word of somebody else, nor what the operator listed', () => {
    expect(fail('self', 'regular', 3)).toEqual({ failures: 3, next: { kind: 'give-up' } })
    expect(fail('self', 'unknown', 1).next.kind).toBe('give-up')
    expect(fail('self', 'regular', 3, {}, false).next.kind).toBe('retry')
    expect(fail('self', 'masternode', 3).next.kind).toBe('retry')
    expect(fail('self', 'persistent', 3).next.kind).toBe('retry')
  })

  it('does not count a duplicate against the peer', () => {
    expect(fail('duplicate', 'regular', 3).failures).toBe(3)
    expect(fail('connection-lost', 'regular', 3).failures).toBe(4)
  })

  it('waits as after six failures where the refusal will last', () => {
    for (const code of [
      'wrong-network',
      'wrong-chain',
      'wrong-version',
      'not-allowed',
      'banned',
      'garbage',
      'wrong-identity',
    ] as const) {
      const { failures, next } = fail(code, 'regular')
      expect(failures).toBe(1)
      expect(next.kind === 'retry' ? next.delayMs : 0).toBeGreaterThanOrEqual(80_000)
    }
    const { next } = fail('connection-refused', 'regular')
    expect(next.kind === 'retry' ? next.delayMs : Infinity).toBeLessThanOrEqual(5_000)
  })

  it('goes on to its other address as soon as ever where somebody else is at one, and not where it refuses us itself', () => {
    const delayOf = (code: ReasonCode): number => {
      const question = { reason: { code, fault: 'remote' }, peerClass: 'masternode', failures: 0 } as const
      const { next } = planAfterFailure({ ...question, judged: true, isElsewhere: true }, new BackoffPolicy(), random)
      return next.kind === 'retry' ? next.delayMs : Infinity
    }
    for (const code of ['wrong-network', 'wrong-version', 'garbage', 'wrong-identity', 'self'] as const)
      expect(delayOf(code), code).toBeLessThanOrEqual(2_000)
    for (const code of ['not-allowed', 'banned', 'superseded'] as const)
      expect(delayOf(code), code).toBeGreaterThanOrEqual(20_000)
  })

  it('waits at least as long as the other side asked', () => {
    const { next } = fail('too-many-peers', 'masternode', 0, { retryAfterMs: 600_000 })
    expect(next).toMatchObject({ kind: 'retry', delayMs: 600_000 })
    const shorter = fail('too-many-peers', 'masternode', 9, { retryAfterMs: 1 })
    expect(shorter.next.kind === 'retry' ? shorter.next.delayMs : 0).toBeGreaterThanOrEqual(30_000)
  })

  it('tries once more whom it would have given up, where the other side names a time, and leaves an alarm as it is', () => {
    const comeBack = { retryAfterMs: 600_000 }
    const retry = { kind: 'retry', delayMs: 600_000 }
    expect(fail('too-many-peers', 'regular', 20, comeBack).next).toEqual({ ...retry, alarm: false })
    expect(fail('too-many-peers', 'masternode', 20, comeBack).next).toEqual({ ...retry, alarm: false })
    expect(fail('too-many-peers', 'masternode', 60, comeBack).next).toEqual({ ...retry, alarm: true })
  })

  it('gives up for a refusal that will last no sooner and no later than for any other', () => {
    expect(fail('banned', 'unknown', 1).next.kind).toBe('retry')
    expect(fail('banned', 'unknown', 2).next).toEqual({ kind: 'forget' })
    const reason = { code: 'banned', fault: 'remote' } as const
    const question = { reason, peerClass: 'regular', judged: false, isElsewhere: false } as const
    const short = toBackoffPolicy((_, attempt) => (attempt > 5 ? null : 700))
    expect(planAfterFailure({ ...question, failures: 0 }, short, random)).toEqual({
      failures: 1,
      next: { kind: 'retry', delayMs: 700, alarm: false },
    })
    expect(planAfterFailure({ ...question, failures: 5 }, short, random).next).toEqual({ kind: 'give-up' })
  })
})

describe('planAfterLoss', () => {
  const lose = (reason: Reason, peerClass: PeerClass, stable: boolean, preferred = true, failures = 3) =>
    planAfterLoss({ reason, peerClass, failures, judged: false, stable, preferred }, new BackoffPolicy(), random)
  const lost: Reason = { code: 'connection-lost', fault: 'network' }
  const delayOf = ({ next }: ReturnType<typeof lose>): number => (next.kind === 'retry' ? next.delayMs : -1)

  it('redials a trusted peer after 1 to 2 s on the preferred side, 2 to 3 s on the other, and forgets its failures', () => {
    for (let i = 0; i < 100; i++)
      for (const peerClass of ['masternode', 'persistent'] as const)
        for (const [preferred, fromMs] of [
          [true, 1_000],
          [false, 2_000],
        ] as const) {
          const plan = lose(lost, peerClass, true, preferred)
          expect(plan.failures).toBe(0)
          expect(delayOf(plan)).toBeGreaterThanOrEqual(fromMs)
          expect(delayOf(plan)).toBeLessThan(fromMs + 1_000)
        }
  })

  it('raises no alarm for a link that was stable, and needs a time to come back for an announced absence', () => {
    expect(lose(lost, 'masternode', true, true, 90).next).toMatchObject({ kind: 'retry', alarm: false })
    const silent = lose({ code: 'shutdown', fault: 'remote' }, 'masternode', true)
    expect(delayOf(silent)).toBeLessThan(2_000)
    const busy = lose({ code: 'busy', fault: 'remote', retryAfterMs: 50_000 }, 'regular', false)
    expect(busy).toEqual({ failures: 4, next: { kind: 'retry', delayMs: 50_000, alarm: false } })
  })

  it('counts a link that was not stable as a failure, and backs off', () => {
    const plan = lose(lost, 'masternode', false)
    expect(plan.failures).toBe(4)
    expect(delayOf(plan)).toBeGreaterThanOrEqual(8_000)
    expect(delayOf(plan)).toBeLessThanOrEqual(16_000)
  })

  it('backs off from a stranger even after a stable link, as after its first failure', () => {
    const plan = lose(lost, 'regular', true)
    expect(plan.failures).toBe(1)
    expect(delayOf(plan)).toBeGreaterThanOrEqual(2_500)
    expect(delayOf(plan)).toBeLessThanOrEqual(5_000)
  })

  it('waits for as long as a peer said that it would be away, a second longer at most, and counts no failure', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<PeerClass>('masternode', 'persistent', 'regular', 'unknown'),
        fc.nat(3_600_000),
        fc.boolean(),
        (peerClass, retryAfterMs, stable) => {
          const plan = lose({ code: 'shutdown', fault: 'remote', retryAfterMs }, peerClass, stable)
          expect(plan.failures).toBe(stable ? 0 : 3)
          expect(delayOf(plan)).toBeGreaterThanOrEqual(retryAfterMs)
          expect(delayOf(plan)).toBeLessThan(retryAfterMs + 1_000)
        },
      ),
    )
  })

  it('keeps a process that was superseded away for most of a minute, or of minutes where it is not trusted', () => {
    const superseded: Reason = { code: 'superseded', fault: 'remote' }
    for (let i = 0; i < 100; i++) {
      expect(delayOf(lose(superseded, 'masternode', false, true, 0))).toBeGreaterThanOrEqual(30_000)
      expect(delayOf(lose(superseded, 'regular', false, true, 0))).toBeGreaterThanOrEqual(80_000)
    }
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiveCredit, SendCredit } from '../../src/protocol/credit.js'

describe('credit', () => {
  it('is spent and granted by the sender, and never grows past what a number can hold', () => {
    const credit = new SendCredit(100)
    credit.spend(30)
    expect(credit.left).toBe(70)
    credit.grant(50)
    expect(credit.left).toBe(120)
    credit.grant(Number.MAX_SAFE_INTEGER)
    expect(credit.left).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('that grows grants what it has grown by, and that shrinks nothing until that is made up for', () => {
    const credit = new ReceiveCredit(100)
    expect(credit.arrived(60)).toBe(true)
    credit.resize(1_000)
    expect([credit.isDue, credit.pickGrant(), credit.left]).toEqual([true, 900, 940])
    credit.resize(100)
    credit.release(60)
    expect([credit.isDue, credit.arrived(940)]).toEqual([false, true])
    credit.release(840)
    expect(credit.pickGrant()).toBe(0)
    credit.release(100)
    expect([credit.pickGrant(), credit.left]).toEqual([100, 100])
  })

  it('takes from the peer exactly what was granted, and not a byte more', () => {
    const credit = new ReceiveCredit(100)
    expect([credit.arrived(60), credit.arrived(40), credit.arrived(1)]).toEqual([true, true, false])
  })

  it('is granted again only once a quarter of the window is owed, and then in one', () => {
    const credit = new ReceiveCredit(100)
    credit.arrived(100)
    credit.release(24)
    expect(credit.pickGrant()).toBe(0)
    credit.release(10)
    expect([credit.pickGrant(), credit.pickGrant()]).toEqual([34, 0])
    expect([credit.arrived(34), credit.arrived(1)]).toEqual([true, false])
  })

  it('never refuses a sender that keeps to it, nor leaves it without when all is released', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 2_000 }), fc.array(fc.nat(2_000)), (window, wishes) => {
        const sender = new SendCredit(window)
        const receiver = new ReceiveCredit(window)
        for (const wish of wishes) {
          const size = Math.min(wish, sender.left)
          sender.spend(size)
          expect(receiver.arrived(size)).toBe(true)
          receiver.release(size)
          sender.grant(receiver.pickGrant())
          expect(sender.left).toBeGreaterThan(window / 2)
          expect(sender.left).toBeLessThanOrEqual(window)
        }
      }),
    )
  })
})

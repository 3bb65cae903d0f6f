import { describe, expect, it } from 'vitest'
import { AddressPins } from '../../src/policy/address-pins.js'
import type { PeerId } from '../../src/ports/types.js'

const A = 'a'.repeat(55) as PeerId
const B = 'b'.repeat(55) as PeerId
const full = (): AddressPins => {
  const pins = new AddressPins()
  for (let n = 0; n < AddressPins.pinsMax; n++) pins.pin(String(n), A)
  return pins
}

describe('pins', () => {
  it('tie an address to the first that is found there, until the operator says so', () => {
    const pins = new AddressPins()
    expect([pins.pin('x', A), pins.pin('x', A), pins.pin('x', B)]).toEqual(['pinned', 'pinned', 'taken'])
    pins.unpin('x')
    expect([pins.idAt('x'), pins.pin('x', B), pins.entries()]).toEqual([null, 'pinned', [['x', B]]])
  })

  it('that were saved hold, whoever was found there since', () => {
    const pins = new AddressPins()
    pins.pin('x', B)
    pins.restore('x', A)
    pins.restore('y', B)
    expect(pins.entries()).toEqual([
      ['x', A],
      ['y', B],
    ])
  })

  it('that were saved say nothing of what the operator has undone meanwhile', () => {
    const pins = new AddressPins()
    pins.unpin('x')
    pins.restore('x', A)
    expect(pins.idAt('x')).toBe(null)
    pins.pin('x', B)
    pins.restore('x', A)
    expect(pins.idAt('x')).toBe(B)
  })

  it('are bounded, and so is what is known of the undone: the oldest is forgotten', () => {
    const pins = full()
    expect(pins.pin('x', A)).toBe('full')
    pins.restore('x', A)
    pins.restore('0', B)
    expect([pins.idAt('x'), pins.idAt('0'), pins.entries().length]).toEqual([null, B, AddressPins.pinsMax])
    for (let n = 1; n <= AddressPins.pinsMax; n++) pins.unpin(String(n))
    pins.restore('1', B)
    expect(pins.idAt('1')).toBe(null)
    pins.unpin('2')
    pins.unpin('new')
    for (const key of ['1', '2', '3']) pins.restore(key, B)
    expect([pins.idAt('1'), pins.idAt('2'), pins.idAt('3')]).toEqual([B, null, null])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressPins } from '../../src/policy/address-pins.js'
import type { PeerId } from '../../src/ports/types.js'

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(55)) as [PeerId, PeerId, PeerId]
const found = (key: string, id: PeerId) => ({ key, id, grade: 'found' as const })
const met = (key: string, id: PeerId) => ({ key, id, grade: 'met' as const })
const named = (key: string, id: PeerId) => ({ key, id, grade: 'named' as const })
const all = (pins: AddressPins) => [...pins.entries()]

describe('a pin', () => {
  it('is whose was found there, until the operator undoes it', () => {
    const pins = new AddressPins()
    pins.pin('x', A)
    expect(pins.doubt('x', A)).toBe(false)
    pins.meet('x', A)
    pins.unpin('x', B)
    expect([all(pins), pins.idAt('x'), pins.idAt('y')]).toEqual([[found('x', A)], A, null])
    pins.unpin('x', A)
    expect(all(pins)).toEqual([])
  })

  it('is whom the operator names there, who is doubted where our dial finds another, unless it was met', () => {
    const pins = new AddressPins()
    for (const key of ['x', 'y']) pins.name(key, A)
    pins.meet('y', A)
    pins.meet('x', B)
    expect(all(pins)).toEqual([named('x', A), met('y', A)])
    const isDoubted = (key: string, id: PeerId): boolean => pins.doubt(key, id)
    expect([isDoubted('x', B), isDoubted('x', A), isDoubted('x', A), isDoubted('y', A)]).toEqual([
      false,
      true,
      false,
      false,
    ])
    expect([pins.idAt('x'), pins.idAt('y')]).toEqual([null, A])
    // Once more says no more.
    pins.name('y', A)
    expect(all(pins)).toEqual([met('y', A)])
  })

  it('is nobody else’s any more once another is named, or the operator undoes it', () => {
    const pins = new AddressPins()
    for (const key of ['x', 'y']) {
      pins.pin(key, A)
      pins.name(key, B)
    }
    expect(all(pins)).toEqual([named('x', B), named('y', B)])
    expect(pins.doubt('x', B)).toBe(true)
    pins.unpin('y')
    expect(all(pins)).toEqual([])
  })

  it('is nobody’s where nobody knows, and nowhere a key’s that was revoked, also where that is read later', () => {
    const pins = new AddressPins()
    for (const key of ['x', 'y']) pins.pin(key, A)
    pins.pin('z', B)
    pins.forget('y')
    pins.restore(met('y', C))
    expect(all(pins)).toEqual([found('x', A), found('z', B), met('y', C)])
    pins.revoke(A)
    pins.restore(found('w', A))
    expect(all(pins)).toEqual([found('z', B), met('y', C)])
  })

  it('is of one that was revoked, and named anew, where it is named, and nowhere else an earlier process knew it', () => {
    const pins = new AddressPins()
    pins.name('y', A)
    pins.revoke(A)
    for (const key of ['x', 'y']) pins.restore(found(key, A))
    expect(all(pins)).toEqual([])
    pins.name('y', A)
    for (const key of ['x', 'y']) pins.restore(found(key, A))
    expect(all(pins)).toEqual([found('y', A)])
    pins.unpin('y', A)
    pins.restore(found('y', A))
    expect(all(pins)).toEqual([])
  })

  it('is not whose it was before another was named there, though that one is gone or revoked', () => {
    for (const over of ['unpin', 'revoke'] as const) {
      const pins = new AddressPins()
      pins.name('x', B)
      if (over === 'unpin') pins.unpin('x', B)
      else pins.revoke(B)
      pins.restore(found('x', A))
      expect(all(pins)).toEqual([])
    }
  })

  it('is known for saved until it is found anew, or gone', () => {
    const pins = new AddressPins()
    for (const key of ['x', 'y', 'z']) pins.restore(found(key, A))
    pins.pin('x', A)
    pins.unpin('y')
    expect(['x', 'y', 'z'].map((key) => pins.isSavedAt(key))).toEqual([false, false, true])
  })
})

describe('a pin that was saved', () => {
  it('holds, whoever was found there since, unless nobody had met that one', () => {
    const pins = new AddressPins()
    pins.pin('x', B)
    pins.pin('y', B)
    pins.restore(named('same', A))
    for (const pin of [met('x', A), named('y', A), named('z', A), met('same', A)]) pins.restore(pin)
    expect(all(pins)).toEqual([found('y', B), met('x', A), named('z', A), met('same', A)])
    for (const pin of [named('same', A), found('same', A), met('same', A)]) pins.restore(pin)
    expect(all(pins)).toContainEqual(found('same', A))
  })

  it('says nothing where the operator has named another since, or has undone it', () => {
    const pins = new AddressPins()
    pins.name('named', B)
    pins.unpin('undone')
    pins.unpin('its own', A)
    for (const key of ['named', 'undone', 'its own']) pins.restore(met(key, A))
    expect(all(pins)).toEqual([named('named', B)])
    pins.restore(met('its own', B))
    expect(pins.idAt('its own')).toBe(B)
    // Nor where whom it named was doubted meanwhile, but for that one.
    expect(pins.doubt('named', B)).toBe(true)
    pins.pin('named', C)
    pins.restore(met('named', A))
    expect(pins.idAt('named')).toBe(C)
    // Whoever is named is known the better.
    pins.restore(met('named', B))
    expect(all(pins)).toContainEqual(met('named', B))
  })
})

describe('pins', () => {
  it('are bounded: of those whom nobody has met the oldest is forgotten, and else of all', () => {
    const pins = new AddressPins()
    pins.pin('first', A)
    pins.name('second', A)
    for (let n = 2; n < AddressPins.pinsMax; n++) pins.pin(String(n), A)
    pins.pin('new', A)
    expect(['first', 'second', 'new'].map((key) => pins.idAt(key))).toEqual([A, null, A])
    // One that was used is not the oldest.
    pins.pin('first', A)
    pins.pin('newer', A)
    expect(['first', '2', 'newer'].map((key) => pins.idAt(key))).toEqual([A, null, A])
    expect(all(pins)).toHaveLength(AddressPins.pinsMax)
  })

  it('know what the operator has said of as many addresses: the oldest is forgotten', () => {
    const pins = new AddressPins()
    for (let n = 1; n <= AddressPins.pinsMax; n++) pins.unpin(String(n))
    pins.unpin('1')
    pins.unpin('new')
    for (const key of ['1', '2', '3']) pins.restore(met(key, B))
    expect([pins.idAt('1'), pins.idAt('2'), pins.idAt('3')]).toEqual([null, B, null])
  })

  it('are never taken from one that was met but by the operator', () => {
    const deed = fc.record({
      kind: fc.constantFrom('name', 'meet', 'doubt', 'unpin', 'restore'),
      id: fc.constantFrom(A, B),
    })
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 30, size: 'max' }), (deeds) => {
        const pins = new AddressPins()
        pins.pin('x', C)
        let isNamed = false
        for (const { kind, id } of deeds) {
          if (kind === 'restore') pins.restore(named('x', id))
          else pins[kind]('x', id)
          isNamed ||= kind === 'name'
          if (!isNamed) expect(pins.idAt('x')).toBe(C)
          // Who was met in its place has it.
          if (kind === 'meet' && pins.idAt('x') === id) return
        }
      }),
    )
  })
})

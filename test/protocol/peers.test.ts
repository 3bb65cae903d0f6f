import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, hex, joinBytes } from '../../src/protocol/bytes.js'
import type { PeerHint } from '../../src/protocol/peers.js'
import { decodePeers, encodePeers, PEERS_MAX } from '../../src/protocol/peers.js'
import { VARINT_MAX } from '../../src/protocol/varint.js'
import { tell } from './tell.js'

const address = fc.string({ unit: 'binary-ascii', maxLength: 60 })
const anyHint: fc.Arbitrary<PeerHint> = fc.record({
  publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  ageS: fc.integer({ min: 0, max: VARINT_MAX }),
  addresses: fc.array(address, { maxLength: 8 }),
})
const told = (hints: readonly PeerHint[]): Uint8Array => encodePeers(tell(hints))
const hint: PeerHint = { publicKey: new Uint8Array(32).fill(7), ageS: 300, addresses: ['ab', 'c'] }

describe('a list of peers', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(anyHint, { maxLength: 12 }), (hints) => {
        expect(decodePeers(told(hints))).toEqual(hints)
      }),
    )
  })

  it('is key, age, number of addresses and the addresses', () => {
    expect(hex(told([hint]))).toBe(`${'07'.repeat(32)}ac02020261620163`)
  })

  it('holds at most 100 peers of eight addresses each, and ages that a number can tell', () => {
    const many = new Array<PeerHint>(PEERS_MAX + 5).fill({ ...hint, addresses: new Array<string>(20).fill('a') })
    const read = decodePeers(told(many))
    expect([read?.length, read?.[0]?.addresses.length]).toEqual([PEERS_MAX, 8])
    const ages = [-5, 1.9, Number.POSITIVE_INFINITY].map((ageS) => ({ ...hint, ageS }))
    expect(decodePeers(told(ages))?.map(({ ageS }) => ageS)).toEqual([0, 1, VARINT_MAX])
  })

  it('is refused with more peers or addresses than that', () => {
    const full = told(new Array<PeerHint>(PEERS_MAX).fill(hint))
    expect(decodePeers(full)).toHaveLength(PEERS_MAX)
    expect(decodePeers(joinBytes([full, told([hint])]))).toBeNull()
    const nine = [...hint.publicKey, 0, 9, ...new Array<readonly number[]>(9).fill([1, 0x61]).flat()]
    expect(decodePeers(Uint8Array.from(nine))).toBeNull()
  })

  it('is refused where it is cut short, or an address is no text', () => {
    const bytes = told([hint])
    for (let length = 1; length < bytes.length; length++) expect(decodePeers(copyBytes(bytes, 0, length))).toBeNull()
    expect(decodePeers(Uint8Array.from([...hint.publicKey, 0, 1, 1, 0xff]))).toBeNull()
  })

  it('never throws, whatever the bytes', () => {
    const loose = fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.array(anyHint, { maxLength: 2 }))
    fc.assert(
      fc.property(loose, ([tail, hints]) => {
        const read = decodePeers(joinBytes([told(hints), tail]))
        if (read !== null) expect(read.length).toBeGreaterThanOrEqual(hints.length)
      }),
      { numRuns: 500 },
    )
  })
})

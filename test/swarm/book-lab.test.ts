/** What it takes to be more than hearsay in a node's book: a link of one's own, on which one's identity was proven. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { nullCrypto, SeededRandom } from '../../src/testing/index.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

const MINUTE_MS = 60_000

function inventIds(seed: number, count: number): PeerId[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () =>
    formatPeerId(nullCrypto.signingKeyPair(random.bytes(32)).publicKey, nullCrypto),
  )
}

/** Three strangers, of whom the first knows nobody, and its book. */
function strangers(seed: number): Ear & { readonly book: PeerStore } {
  const book = new PeerStore({ peersMax: 16 })
  const ear = listen({
    seed,
    masternodes: 0,
    nodes: 3,
    seeds: [],
    swarm: (index) => (index === 0 ? { peerStore: book } : {}),
  })
  return { ...ear, book }
}

describe('a peer that is only hearsay', () => {
  it('becomes more by an authenticated link, and by nothing less', () => {
    const { lab, heard, book } = strangers(1)
    const [impostor] = inventIds(1, 1)
    if (impostor === undefined) throw new Error('there is one')
    const there = parseAddress(lab.address(1))
    // Somebody answers at this address, but not the one that was named.
    book.learn(impostor, { ...there, peerId: impostor }, 'exchange')
    lab.run(10 * MINUTE_MS)
    const failures = heard(0, 'dial:failed').filter(({ args: [{ peerId }] }) => peerId === impostor)
    expect(failures.map(({ args: [{ reason }] }) => reason.code)).toContain('wrong-identity')
    expect(book.get(impostor)).toMatchObject({ lastSeenAt: null, linkedMs: 0, source: 'exchange' })
    book.learn(lab.id(1), there, 'exchange')
    expect(book.get(lab.id(1))?.lastSeenAt).toBe(null)
    lab.run(MINUTE_MS)
    expect(lab.linked(0, 1)).toBe(true)
    expect(book.get(lab.id(1))?.lastSeenAt).not.toBe(null)
  })

  it('makes way for other hearsay, however much of it there is, and those we were linked to stay', () => {
    const { lab, book } = strangers(2)
    book.learn(lab.id(1), parseAddress(lab.address(1)), 'exchange')
    lab.run(MINUTE_MS)
    lab.kill(1)
    lab.run(MINUTE_MS)
    const invented = inventIds(2, 200)
    for (const [i, id] of invented.entries()) {
      const address = parseAddress(`tcp://${id}@120.1.${String(i)}.1:24100`)
      book.learn(id, address, 'exchange')
    }
    expect(book.size).toBe(16)
    expect(book.get(lab.id(1))).not.toBe(null)
    expect(invented.filter((id) => book.get(id) !== null)).toEqual(invented.slice(-15))
  })

  it('is told to nobody before that, and to whoever asks after it', () => {
    const { lab, book } = strangers(3)
    const [nobody] = inventIds(3, 1)
    if (nobody === undefined) throw new Error('there is one')
    book.learn(nobody, parseAddress(`tcp://${nobody}@120.1.1.1:24100`), 'exchange')
    book.learn(lab.id(1), parseAddress(lab.address(1)), 'exchange')
    lab.run(MINUTE_MS)
    book.learn(lab.id(2), parseAddress(lab.address(2)), 'exchange')
    lab.run(MINUTE_MS)
    // Both were strangers to each other until the first of the three told each of the other.
    expect(lab.linked(1, 2)).toBe(true)
    for (const i of [1, 2]) expect(lab.swarm(i).explain(nobody).state).toBe('unknown')
    for (const i of [1, 2]) expect(lab.swarm(i).explain(nobody).addresses).toEqual([])
  })
})

/** What hearsay may do to the book, and what a restart begins with. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { nullCrypto, SeededRandom } from '../../src/testing/index.js'
import { listen } from './lab-ear.js'

const HOUR_MS = 3_600_000

function inventIds(seed: number, count: number): PeerId[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () =>
    formatPeerId(nullCrypto.signingKeyPair(random.bytes(32)).publicKey, nullCrypto),
  )
}
const placeOf = (id: PeerId, i: number): ReturnType<typeof parseAddress> =>
  parseAddress(`tcp://${id}@${String(120 + (i % 60))}.${String(i >> 8)}.${String(i & 255)}.1:24100`)

describe('the book', () => {
  it('is filled to an eighth at most by what one peer tells', () => {
    const peersMax = 256
    const [book, lies] = [new PeerStore({ peersMax }), new PeerStore()]
    const invented = inventIds(1, 1_000)
    for (const [i, id] of invented.entries()) {
      lies.linked(id, placeOf(id, i), 1_000, 1_767_225_600_000)
      lies.unlinked(id, 2_000, 1_767_225_600_000, { penalty: false })
    }
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      swarm: (index) => ({ peerStore: index === 0 ? lies : book }),
    })
    lab.run(10 * 60_000)
    expect(lab.linked(0, 1)).toBe(true)
    const told = invented.filter((id) => book.get(id) !== null).length
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(peersMax / 8)
  })

  it('gives up nobody we have been linked to for hearsay that nobody has tried', () => {
    const book = new PeerStore({ peersMax: 8 })
    const [newcomer, ...known] = inventIds(2, 9)
    for (const [i, id] of known.entries()) {
      book.linked(id, placeOf(id, i), 1_000 + i, 1_000 + i)
      book.unlinked(id, 60_000 + i, 60_000 + i, { penalty: false })
    }
    if (newcomer !== undefined) book.learn(newcomer, placeOf(newcomer, 100), 'exchange')
    expect(known.filter((id) => book.get(id) === null)).toEqual([])
  })
})

describe('anchors', () => {
  it('are dialled first after a restart: the four longest-lived outbound regulars of distinct networks', () => {
    let saved: unknown = null
    let book = new PeerStore()
    const { lab, heard, forget } = listen({
      seed: 3,
      masternodes: 0,
      nodes: 40,
      startWithinMs: 10_000,
      // The book's instants are the node's own.
      clock: () => ({ originMs: 0 }),
      swarm: (index) => {
        if (index !== 20) return {}
        book = new PeerStore()
        book.restore(saved, 1_767_225_600_000 + 2 * HOUR_MS)
        return { peerStore: book }
      },
    })
    lab.run(HOUR_MS)
    const anchors = lab
      .swarm(20)
      .status()
      .peers.filter(({ direction, class: peerClass }) => direction === 'outbound' && peerClass === 'regular')
      .sort((a, b) => b.connectedMs - a.connectedMs)
      .slice(0, 4)
      .map(({ id }) => id)
    expect(anchors.length).toBe(4)
    saved = book.snapshot(lab.now)
    lab.kill(20)
    lab.run(1_000)
    forget()
    lab.start(20)
    lab.run(400)
    const dialled = heard(20, 'peer:connect').map(({ args: [peer] }) => peer.id)
    const underWay = Array.from({ length: lab.size }, (_, i) => lab.id(i)).filter((id) =>
      ['dialing', 'handshaking'].includes(lab.swarm(20).explain(id).state),
    )
    expect([...dialled, ...underWay]).toEqual(expect.arrayContaining(anchors))
  })
})

/** How many links a node looks for, how hastily, and which of them makes way for a better one. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { PeerStore } from '../../src/policy/peer-store.js'
import { SCORE_AVOIDED } from '../../src/policy/score.js'
import type { PeerId } from '../../src/ports/types.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { nullCrypto, SeededRandom } from '../../src/testing/index.js'
import { hub, Tx } from './hub.js'
import type { Ear } from './lab-ear.js'

const MINIMUM = 8
const TARGET = 12
const TICK_MS = 5_000

/** Has node 0 hear of this many peers at addresses that never answer. */
function hearOfNobodies(peerStore: PeerStore, seed: number, count: number): PeerId[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const id = formatPeerId(nullCrypto.signingKeyPair(random.bytes(32)).publicKey, nullCrypto)
    // Each in a network of its own, none of which the lab has.
    const host = `${String(120 + i)}.1.1.1`
    peerStore.learn(id, { scheme: 'tcp', peerId: id, host, port: 1, path: '/' }, 'exchange')
    return id
  })
}

const underWay = ({ lab }: Ear, ids: readonly PeerId[]): number =>
  ids.filter((id) => lab.swarm(0).explain(id).state === 'dialing').length

describe('a node that looks for links', () => {
  it('dials ten at once while it has fewer than the minimum', () => {
    const ear = hub(1, 2, 0)
    const ids = hearOfNobodies(ear.peerStore, 1, 40)
    const seen = new Set<number>()
    for (let ms = 0; ms < 2 * TICK_MS; ms += 100) {
      ear.lab.run(100)
      seen.add(underWay(ear, ids))
    }
    expect([...seen].filter((count) => count > 0)).toEqual([10, TARGET])
  })

  it('dials three at a time once it has the minimum, and none beyond the target', () => {
    const ear = hub(2, 1 + MINIMUM, MINIMUM)
    ear.lab.run(30_000)
    expect(ear.lab.swarm(0).peers.size).toBe(MINIMUM)
    const ids = hearOfNobodies(ear.peerStore, 2, 40)
    const seen = new Set<number>()
    for (let ms = 0; ms < 2 * TICK_MS; ms += 100) {
      ear.lab.run(100)
      seen.add(underWay(ear, ids))
    }
    expect([...seen].filter((count) => count > 0)).toEqual([3, TARGET - MINIMUM])
  })

  it('gives up at once, for now, whom it loses while it has all that it wants, and whom it never met for good', () => {
    const ear = hub(4, TARGET + 2, TARGET + 1)
    const { lab, heard, forget } = ear
    lab.run(30_000)
    const lost = lab.id(TARGET + 1)
    expect(lab.swarm(0).peers.size).toBe(TARGET + 1)
    forget()
    lab.kill(TARGET + 1)
    // Ten hot attempts would take half an hour; the first would come within ten seconds.
    lab.run(15_000)
    expect(lab.swarm(0).explain(lost).state).toBe('cold')
    expect(heard(0, 'dial:failed').length).toBeLessThanOrEqual(1)
    const ids = hearOfNobodies(ear.peerStore, 3, 5)
    lab.kill(TARGET)
    lab.run(20_000)
    const tried = new Set(heard(0, 'dial:failed').map(({ args: [{ peerId }] }) => peerId))
    expect(ids.some((id) => tried.has(id))).toBe(true)
    lab.start(TARGET)
    lab.run(600_000)
    expect(lab.swarm(0).peers.size).toBe(TARGET)
    for (const id of ids) expect(['unknown', 'dialing']).toContain(lab.swarm(0).explain(id).state)
  })

  it('waits for a seed no longer than half a minute while it has fewer than the minimum', () => {
    const { lab, heard, forget } = hub(3, 1 + MINIMUM, MINIMUM)
    lab.run(30_000)
    lab.kill(MINIMUM)
    forget()
    lab.run(600_000)
    const tries = heard(0, 'dial:failed')
    for (const [i, { at }] of tries.entries()) expect(at - (tries[i - 1]?.at ?? at)).toBeLessThanOrEqual(31_000)
    expect(tries.length).toBeGreaterThanOrEqual(19)
  })
})

describe('a poor link, with all places taken', () => {
  /** Node 0 has twelve links of its own, the last of which, dialled by hand, it has little reason to like. */
  function withPoorOne(seed: number): ReturnType<typeof hub> & { readonly poor: number; readonly better: number } {
    const poor = TARGET
    const ear = hub(seed, TARGET + 2, TARGET - 1)
    const { lab } = ear
    lab.kill(poor)
    lab.run(60_000)
    for (let i = 0; i < 10; i++) {
      dial(ear, poor)
      lab.run(1_000)
    }
    lab.start(poor)
    dial(ear, poor)
    lab.run(1_000)
    expect(lab.swarm(0).peers.size).toBe(TARGET)
    return { ...ear, poor, better: poor + 1 }
  }

  /** Virtual time knows no promises: how it ended is seen by whoever looks. */
  function dial({ lab }: Ear, index: number): void {
    lab
      .swarm(0)
      .dial(lab.address(index))
      .catch(() => undefined)
  }

  function hearOf({ lab, peerStore }: ReturnType<typeof hub>, index: number): void {
    peerStore.learn(lab.id(index), parseAddress(lab.address(index)), 'exchange')
  }

  function offend({ lab }: Ear, by: number): void {
    lab.swarm(by).broadcast(Tx, 1)
    lab.swarm(by).broadcast(Tx, 2)
    lab.run(500)
  }

  it('makes way for somebody better', () => {
    const ear = withPoorOne(1)
    const { lab, heard, poor, better } = ear
    offend(ear, poor)
    // As long as there is nobody better, a poor link is better than none.
    lab.run(2 * TICK_MS)
    expect(lab.linked(0, poor)).toBe(true)
    expect(lab.swarm(0).peer(lab.id(poor))?.score.total).toBeLessThan(SCORE_AVOIDED)
    hearOf(ear, better)
    lab.run(TICK_MS)
    const [end] = heard(0, 'peer:disconnect').slice(-1)
    expect(end?.args[0].id).toBe(lab.id(poor))
    expect(end?.args[1]).toMatchObject({ code: 'useless', fault: 'local' })
    lab.run(1_500)
    expect(lab.linked(0, better)).toBe(true)
    expect(lab.swarm(0).peers.size).toBe(TARGET)
  })

  it('makes way for nobody while it is merely not the best', () => {
    const ear = withPoorOne(2)
    const { lab, poor, better } = ear
    lab.run(2 * TICK_MS)
    expect(lab.swarm(0).peer(lab.id(poor))?.score.total).toBeGreaterThan(SCORE_AVOIDED)
    hearOf(ear, better)
    lab.run(60_000)
    expect(lab.linked(0, poor)).toBe(true)
    expect(lab.linked(0, better)).toBe(false)
  })
})

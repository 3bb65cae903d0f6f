/**
 * Everybody who wants a slot: raw sessions, each from an address of its own.
 *
 * `join` ({ group, target, network, members: [{ seed, host }], withinMs }) → for each, ms from its dial to the hello, or the word
 *   it was refused with; they stay · `standing` → by group: held now, and why the others were lost
 * `flood` ({ target, network, count }) → so many strangers dial from now on, each anew as soon as it has been refused, from another
 *   address each time · `calm` → they stop; what became of their dials, by word
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { obey } from '../child.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { networkIdOf } from '../raw-peer-wire.mjs'

/** A stranger's patience between two dials. */
const PAUSE_MS = 250
const POOL = 65_000

/** Bound: who joins. @type {{ group: string, peer: RawPeer, joined: boolean }[]} */
const members = []
let flooding = false
let hosts = 0
/** Bound: the words of the wire. @type {Record<string, number>} */
let outcomes = {}
/** @type {Promise<void>[]} */
let strangers = []

/** @param {any} order */
async function join({ group, target, network, members: given, withinMs }) {
  const networkId = networkIdOf(network)
  return Promise.all(
    given.map(async (/** @type {{ seed: string, host: string }} */ { seed, host }) => {
      const at = performance.now()
      const identity = keyPair('Ed25519', Buffer.from(seed, 'hex'))
      const peer = RawPeer.dial({ ...target, localAddress: host }, { identity, networkId })
      const member = { group, peer, joined: false }
      members.push(member)
      const late = sleep(withinMs, 'late', { ref: false })
      const outcome = await Promise.race([
        peer.ready.then(
          () => 'in',
          () => peer.said?.code ?? 'lost',
        ),
        late,
      ])
      member.joined = outcome === 'in'
      return member.joined ? { ms: performance.now() - at } : { refused: outcome }
    }),
  )
}

function standing() {
  const groups = /** @type {Record<string, { held: number, lost: Record<string, number> }>} */ ({})
  for (const { group, peer, joined } of members) {
    if (!joined) continue
    const counts = (groups[group] ??= { held: 0, lost: {} })
    if (peer.said === null && !peer.socket.destroyed) counts.held++
    else count(counts.lost, peer.said?.code ?? 'lost')
  }
  return groups
}

/** @param {any} order */
function flood({ target, network, count: howMany }) {
  flooding = true
  outcomes = {}
  const networkId = networkIdOf(network)
  strangers = Array.from({ length: howMany }, async () => {
    const identity = keyPair('Ed25519')
    while (flooding) {
      const host = nextHost()
      const peer = RawPeer.dial({ ...target, localAddress: host }, { identity, networkId })
      void peer.ready.then(
        () => count(outcomes, 'in'),
        () => undefined,
      )
      await peer.closed
      count(outcomes, peer.said?.code ?? 'lost')
      await sleep(PAUSE_MS)
    }
  })
}

async function calm() {
  flooding = false
  await Promise.race([Promise.all(strangers), sleep(10_000)])
  return outcomes
}

/** Never one twice within a minute: whoever is refused for coming too often is not refused for want of a slot. */
function nextHost() {
  hosts = (hosts + 1) % POOL
  return `10.72.${hosts >> 8}.${hosts & 255 || 1}`
}

/** @param {Record<string, number>} counts @param {string} name */
function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1
}

obey({ join, standing, flood, calm })

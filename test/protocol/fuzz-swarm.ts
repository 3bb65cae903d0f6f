/**
 * A swarm in virtual time between an honest peer and a liar. Whatever the liar sends, nothing is thrown, the swarm blames
 * nothing on itself, all it holds stays within what it was told to hold, and the honest peer is answered.
 */
import { DedupCache } from '../../src/policy/dedup.js'
import type { PeerClass } from '../../src/ports/types.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { broadcastId, direct, message, request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import type { Node } from '../swarm/world.js'
import type { Channel } from '../swarm/scheduled-network.js'
import { World } from '../swarm/world.js'
import { someJson } from './fuzz-codec.js'
import { damaged } from './fuzz-damage.js'
import { framesOf, someNumber } from './fuzz-frames.js'
import { Liar } from './fuzz-liar.js'
import type { Tally } from './fuzz-targets.js'

const MESSAGE_BYTES_MAX = 20_000
const OUTBOX_BYTES_MAX = 40_000
const REQUESTS_MAX = 8
const IN_FLIGHT_MAX = 16
const SLOW_MS = 700
/** An honest question may wait behind what the honest peer itself has sent. */
const PATIENCE_MS = 20_000
/** How late a lazy liar reads, and how much of what it has not read its link takes. */
const LAG_MS = 900
const UNREAD_MAX = 4_000
const PADDING_MAX = 18_000
/** What the links of the honest peer and of the liar may hold: an outbox, three unfinished messages, a record and a frame. */
const BUFFERED_MAX = OUTBOX_BYTES_MAX + 3 * (MESSAGE_BYTES_MAX + 64) + 65_535 + 32_771
/** A duplicate under judgement beside each link. */
const PEERS_MAX = 8
const PENDING_MAX = 64
const LINGERING_MAX = 128
const CLASSES: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']

interface Tx {
  readonly hash: unknown
  readonly padding?: string
}
const Transaction = message<Tx>('tx', { id: ({ hash }) => String(hash) })
const Beat = message<unknown>('beat', { repeat: true })
const Note = direct<unknown>('note', { serial: true })
const Ask = request<unknown>('ask', { maxBytes: 4_000 })

interface Scene {
  readonly world: World
  readonly a: Node
  readonly b: Node
  readonly dedup: DedupCache
  readonly random: SeededRandom
  /** The liars' questions under way, and the most there ever were. */
  readonly asked: { now: number; most: number }
}

const liarIds = new WeakMap<World, Set<string>>()

function later(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => {
    world.clock.wakeAt(world.clock.monotonic() + ms, resolve)
  })
}

async function createScene(seed: number): Promise<Scene> {
  const random = new SeededRandom(seed)
  const world = new World(seed)
  const liars = new Set<string>()
  liarIds.set(world, liars)
  if (random.below(3) === 0) {
    const toLiar = ({ pair, to }: Channel): boolean => (to === 'dialler' ? pair.dialledBy : pair.acceptedBy) === 'liar'
    world.network.unreadMax = UNREAD_MAX
    world.network.delayMs = (channel) => (toLiar(channel) ? LAG_MS : 0)
  }
  const dedup = new DedupCache({ inFlightMax: IN_FLIGHT_MAX })
  const bounded = { messageBytesMax: MESSAGE_BYTES_MAX, outboxBytesMax: OUTBOX_BYTES_MAX, requestsMax: REQUESTS_MAX }
  const liarClass = CLASSES[random.below(4)] ?? 'regular'
  const a = world.node('a', {
    dedup,
    perIpLimits: false,
    limits: { masternode: bounded, persistent: bounded, regular: bounded, unknown: bounded },
    authorize: ({ peerId }) => (liars.has(peerId) ? liarClass : 'regular'),
  })
  const asked = { now: 0, most: 0 }
  a.swarm.handle(Transaction, async ({ hash }) => {
    if (random.below(3) > 0) await later(world, SLOW_MS)
    return hash === 1 ? 'reject' : hash === 2 ? 'ignore' : 'accept'
  })
  a.swarm.handle(Beat, () => 'accept')
  a.swarm.handle(Note, async () => later(world, random.below(2) * SLOW_MS))
  a.swarm.respond(Ask, async (question, { peer }) => {
    if (!liars.has(peer.id)) return question
    asked.most = Math.max(asked.most, ++asked.now)
    await later(world, random.below(2) * SLOW_MS)
    asked.now--
    return question
  })
  await a.swarm.start()
  const b = await world.started('b', { perIpLimits: false, authorize: () => 'masternode' })
  await world.connect(b, a)
  return { world, a, b, dedup, random, asked }
}

async function newLiar({ world, a, random }: Scene): Promise<Liar> {
  const liar = new Liar(world, random, random.below(2) === 0)
  liarIds.get(world)?.add(liar.identity.id)
  if (random.below(4) > 0) liar.dial('a')
  else {
    liar.listen()
    a.swarm.dial(`memory://${liar.identity.id}@liar:1`).catch(() => undefined)
  }
  await world.run(random.below(4) * LAG_MS)
  return liar
}

/** What a word makes the liar, or its victim, do. */
async function act(word: number, scene: Scene, liar: Liar, tally: Tally): Promise<void> {
  const { world, a, b, random } = scene
  const rest = word >>> 4
  const own = new SeededRandom(rest)
  const json = utf8(
    own.below(2) === 0 ? someJson([own.word(), own.word()].slice(own.below(2))) : `{"hash":${String(own.below(6))}}`,
  )
  switch (word & 15) {
    case 7: {
      // What anybody may have said or will say, of any size.
      const ids = Array.from({ length: 1 + own.below(4) }, () => {
        const said = utf8(`{"hash":${String(own.below(6))}}`)
        return broadcastId('tx', said, world.crypto)
      })
      const sized = ids.map((id) => ({ id, size: 16 + own.below(2) * own.below(30_000) }))
      liar.seal(encodeFrame(FRAME.inventory, encodeInventory(sized)))
      if (own.below(2) === 0) liar.seal(encodeFrame(own.below(2) === 0 ? FRAME.get : FRAME.notFound, encodeIds(ids)))
      break
    }
    case 8:
      liar.seal(encodeFrame(FRAME.firstApplication, joinBytes([broadcastId('tx', json, world.crypto), json])))
      break
    case 9: {
      const body = joinBytes([own.bytes(own.below(9)), own.below(2) === 0 ? json : new Uint8Array(0)])
      liar.seal(encodeFrame(FRAME.firstApplication + 1, joinBytes([broadcastId('beat', body, world.crypto), body])))
      break
    }
    case 10:
      liar.seal(encodeFrame(FRAME.firstApplication + 2, json))
      break
    case 11: {
      const asking = (id: number): Uint8Array =>
        encodeFrame(FRAME.request, joinBytes([varintBytes(id), varintBytes(FRAME.firstApplication + 3), json]))
      liar.seal(joinBytes(Array.from({ length: 1 + own.below(20) }, () => asking(own.below(30)))))
      break
    }
    case 12:
      if (own.below(4) === 0) liar.write(own.bytes(own.below(100)))
      else if (own.below(2) === 0) liar.hangUp(own.below(2) === 0)
      else liar.dial('a')
      break
    case 13:
      await world.run(own.below(8) === 0 ? own.below(120_000) : own.below(2_000))
      break
    case 14: {
      const peer = a.swarm.peers.get(liar.identity.id)
      const asked = own.below(2) === 0 ? peer?.request(Ask, someNumber(own)) : undefined
      asked?.catch(() => undefined)
      const padding = 'x'.repeat(own.below(PADDING_MAX))
      if (asked === undefined)
        for (let i = own.below(40); i > 0; i--) b.swarm.broadcast(Transaction, { hash: random.word(), padding })
      break
    }
    default: {
      const frames = framesOf(rest)
      liar.seal(own.below(6) === 0 ? damaged(joinBytes(frames), own) : joinBytes(frames))
      tally.frames += frames.length
    }
  }
}

function checkBounds({ world, a, b, dedup, asked }: Scene): void {
  const holds = (what: string, value: number, most: number): void => {
    if (value > most) throw new Error(`${what}: ${String(value)} where ${String(most)} is the bound`)
  }
  const { peers, pending, lingering, memory } = a.swarm.status()
  holds('peers', peers.length, PEERS_MAX)
  for (const { bufferedBytes } of peers) holds('bytes held', bufferedBytes, BUFFERED_MAX)
  holds('kept', memory.keptBytes, memory.maxBytes / 16)
  holds('pending', pending, PENDING_MAX)
  holds('lingering', lingering, LINGERING_MAX)
  holds('in flight', dedup.inFlight, IN_FLIGHT_MAX)
  // Each link has an allowance of its own.
  const links = world.network.pairs.filter(({ dialledBy, acceptedBy }) => [dialledBy, acceptedBy].includes('liar'))
  holds('questions under way', asked.most, REQUESTS_MAX * links.length)
  for (const node of [a, b])
    for (const [error] of node.heard('error'))
      if (error.fault === 'local') throw new Error(`it blames itself: ${error.message}`, { cause: error.cause })
}

export async function swarmCase(words: readonly number[], tally: Tally): Promise<void> {
  const scene = await createScene(words[0] ?? 0)
  const { world, a, b } = scene
  let liar = await newLiar(scene)
  for (const word of words) {
    if (liar.over) liar = await newLiar(scene)
    await act(word, scene, liar, tally)
    await world.settle()
    checkBounds(scene)
  }
  const question = { still: 'there?' }
  const answer = b.swarm.peers.get(a.swarm.id)?.request(Ask, question, { timeoutMs: 2 * PATIENCE_MS })
  let answered: unknown = null
  answer?.then(
    (value) => {
      answered = value
    },
    (error: unknown) => {
      answered = error
    },
  )
  await world.run(PATIENCE_MS)
  checkBounds(scene)
  if (JSON.stringify(answered) !== JSON.stringify(question))
    throw new Error(`the honest peer asked, and got ${String(answered)}; it was told ${b.names.join(', ')}`)
  await world.stop()
  checkBounds(scene)
}

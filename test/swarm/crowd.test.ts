/**
 * A crowd that comes, goes, swaps links, brings the same and other bodies of the same application ids, and tells of what it does not
 * have, in any order: afterwards nothing of it is left behind, and who was honest all along has been heard.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { broadcastId, direct, message, request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { Identity } from '../../src/swarm/identity.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { fragmentsOf } from './propagation-scene.js'
import { RawPeer } from './raw-peer.js'
import type { Pair } from './scheduled-network.js'
import { settlePromises, World } from './world.js'

interface Body {
  readonly hash: string
  readonly body: string
}

const Keyed = message<Body>('keyed', { id: ({ hash }) => hash, serial: true })
const Big = message<Body>('big', { id: ({ hash }) => hash, priority: 'bulk' })
const Note = direct<number>('note', { serial: true })
const Ask = request<number, number>('ask')
const NAMES = [Keyed, Big, Note, Ask].map(({ name }, at) => ({
  kind: at < 2 ? ('message' as const) : at === 2 ? ('direct' as const) : ('request' as const),
  name,
}))
const BIG = 'b'.repeat(40_000)
const CLASSES: readonly PeerClass[] = ['masternode', 'regular', 'regular', 'unknown', 'unknown']

type Made = { readonly index: number; readonly name: string; readonly body: Uint8Array; readonly id: Uint8Array }

class Crowd {
  readonly world: World
  readonly begun = new Set<string>()
  readonly due: string[] = []
  open = 0
  readonly #running: ((verdict: Verdict) => void)[] = []
  readonly #identities: readonly Identity[]
  readonly #links: { readonly peer: RawPeer; readonly pair: Pair | undefined }[] = []
  #honest: RawPeer | null = null

  constructor(seed: number) {
    this.world = new World(seed)
    this.world.network.unreadMax = 20_000
    this.#identities = CLASSES.map(() => this.world.identity())
    const classOf = (peerId: string): PeerClass =>
      CLASSES[this.#identities.findIndex(({ id }) => id === peerId)] ?? 'regular'
    const { swarm } = this.world.node('node', {
      authorize: ({ peerId }) => classOf(peerId),
      perIpLimits: false,
      memoryMaxMiB: 64,
    })
    for (const definition of [Keyed, Big])
      swarm.handle(definition, async ({ hash }) => {
        this.begun.add(hash)
        return new Promise<Verdict>((resolve) => {
          this.#running.push((verdict) => {
            resolve(hash.startsWith('honest') ? 'accept' : verdict)
          })
        })
      })
    swarm.handle(
      Note,
      async () =>
        new Promise<void>((resolve) => {
          this.#running.push(() => {
            resolve()
          })
        }),
    )
    swarm.respond(
      Ask,
      async (n) =>
        new Promise<number>((resolve) => {
          this.#running.push(() => {
            resolve(n)
          })
        }),
    )
  }

  get swarm() {
    const [node] = this.world.nodes
    if (node === undefined) throw new Error('no node')
    return node.swarm
  }

  async begin(): Promise<void> {
    await this.swarm.start()
    this.#honest = await this.#connect({ identity: this.world.identity() })
  }

  async join(who: number, epoch: number, answers: boolean): Promise<void> {
    const identity = this.#identities[who % CLASSES.length]
    if (identity === undefined) return
    const peer = await this.#connect({ identity, epoch, answers })
    this.#links.push({ peer, pair: this.world.network.pairs.at(-1) })
  }

  leave(at: number): void {
    const link = this.#at(at)
    if (link === undefined) return
    this.#links.splice(this.#links.indexOf(link), 1)
    if (link.pair !== undefined) link.pair.blackHoled = false
    link.peer.destroy()
  }

  /** From now on it reads nothing and says nothing, or does again. */
  stall(at: number): void {
    const pair = this.#at(at)?.pair
    if (pair !== undefined) pair.blackHoled = !pair.blackHoled
  }

  say(at: number, { index, name, body }: Made, how: 'whole' | 'part'): void {
    const peer = this.#at(at)?.peer
    if (name === Keyed.name) peer?.broadcast(index, name, body)
    else
      for (const fragment of fragmentsOf(this.idOf(name, body), body).slice(0, how === 'part' ? 1 : Infinity))
        peer?.record([fragment])
  }

  tell(at: number, made: Made): void {
    this.#at(at)?.peer.send(FRAME.inventory, encodeInventory([{ id: made.id, size: made.body.length + 16 }]))
  }

  list(at: number, type: 'get' | 'notFound', made: Made): void {
    this.#at(at)?.peer.send(FRAME[type], encodeIds([made.id]))
  }

  note(at: number): void {
    this.#at(at)?.peer.send(FRAME.firstApplication + 2, utf8('1'))
  }

  asks(at: number, id: number): void {
    this.#at(at)?.peer.ask(id, 3, utf8('1'))
  }

  asked(who: number): void {
    const asked = this.swarm
      .peer(this.#identities[who % CLASSES.length]?.id ?? this.swarm.id)
      ?.request(Ask, 1, { timeoutMs: 5_000 })
    if (asked === undefined) return
    this.open++
    const settled = (): void => {
      this.open--
    }
    asked.then(settled, settled)
  }

  cancel(at: number, id: number): void {
    this.#at(at)?.peer.send(FRAME.cancel, varintBytes(id))
  }

  honest(): void {
    const hash = `honest ${String(this.due.length)}`
    this.due.push(hash)
    const { body } = this.make(Keyed.name, hash, '')
    this.#honest?.broadcast(0, Keyed.name, body)
  }

  publish(size: number): void {
    this.swarm.broadcast(size > 1_000 ? Big : Keyed, {
      hash: `own ${String(this.world.random.float())}`,
      body: 'o'.repeat(size),
    })
  }

  make(name: string, hash: string, what: string): Made {
    const body = utf8(JSON.stringify({ hash, body: name === Big.name ? BIG + what : what }))
    return { index: name === Keyed.name ? 0 : 1, name, body, id: this.idOf(name, body) }
  }

  idOf(name: string, body: Uint8Array): Uint8Array {
    return broadcastId(name, body, this.world.crypto)
  }

  judge(verdict: Verdict): void {
    this.#running.shift()?.(verdict)
  }

  async end(): Promise<void> {
    while (this.#links.length > 0) this.leave(0)
    for (let rounds = 0; rounds < 90; rounds++) {
      await this.world.run(1_000)
      for (let n = 0; this.#running.length > 0 && n < 1_000; n++) {
        this.judge('ignore')
        await this.world.settle()
      }
    }
  }

  async #connect(options: {
    readonly identity: Identity
    readonly epoch?: number
    readonly answers?: boolean
  }): Promise<RawPeer> {
    const [node] = this.world.nodes
    if (node === undefined) throw new Error('no node')
    return RawPeer.connect(this.world, node, { names: NAMES, ...options })
  }

  #at(at: number): { readonly peer: RawPeer; readonly pair: Pair | undefined } | undefined {
    return this.#links.length === 0 ? undefined : this.#links[at % this.#links.length]
  }
}

const link = fc.nat(7)
const made = fc.record({ name: fc.constantFrom('keyed', 'keyed', 'big'), hash: fc.nat(3), what: fc.nat(3) })
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      who: fc.nat(4),
      epoch: fc.integer({ min: 1, max: 2 }),
      answers: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), link }) },
  fc.record({ kind: fc.constant('stall' as const), link }),
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      link,
      made,
      how: fc.constantFrom('whole', 'whole', 'part'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('tell', 'get', 'notFound'), link, made }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('note', 'asks', 'cancel'), link, id: fc.integer({ min: 1, max: 4 }) }),
  },
  fc.record({ kind: fc.constant('asked' as const), who: fc.nat(4) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('honest' as const) }) },
  fc.record({ kind: fc.constant('publish' as const), size: fc.constantFrom(10, 10, 40_000) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('judge' as const),
      verdict: fc.constantFrom<Verdict>('accept', 'ignore', 'reject'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(0, 50, 300, 2_500) }) },
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

async function perform(crowd: Crowd, one: Act): Promise<void> {
  const whole = 'made' in one ? crowd.make(one.made.name, String(one.made.hash), String(one.made.what)) : null
  switch (one.kind) {
    case 'join':
      await crowd.join(one.who, one.epoch, one.answers)
      break
    case 'leave':
      crowd.leave(one.link)
      break
    case 'stall':
      crowd.stall(one.link)
      break
    case 'say':
      if (whole !== null) crowd.say(one.link, whole, one.how as 'whole' | 'part')
      break
    case 'tell':
      if (whole !== null) crowd.tell(one.link, whole)
      break
    case 'get':
    case 'notFound':
      if (whole !== null) crowd.list(one.link, one.kind, whole)
      break
    case 'note':
      crowd.note(one.link)
      break
    case 'asks':
      crowd.asks(one.link, one.id)
      break
    case 'cancel':
      crowd.cancel(one.link, one.id)
      break
    case 'asked':
      crowd.asked(one.who)
      break
    case 'honest':
      crowd.honest()
      break
    case 'publish':
      crowd.publish(one.size)
      break
    case 'judge':
      crowd.judge(one.verdict)
      break
    case 'pass':
      await crowd.world.run(one.ms)
  }
  await crowd.world.settle()
}

it('leaves nothing behind, and keeps nobody who is honest from being heard', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(act, { minLength: 40, maxLength: 160, size: 'max' }), async (seed, acts) => {
      const crowd = new Crowd(seed)
      await crowd.begin()
      for (const one of acts) await perform(crowd, one)
      await crowd.end()
      const { inFlight, memory, peers } = crowd.swarm.status()
      expect(crowd.due.filter((hash) => !crowd.begun.has(hash))).toEqual([])
      const { inFlightBytes, outboxBytes, partialBytes } = memory
      expect({ inFlight, inFlightBytes, outboxBytes, partialBytes, open: crowd.open }).toEqual({
        inFlight: 0,
        inFlightBytes: 0,
        outboxBytes: 0,
        partialBytes: 0,
        open: 0,
      })
      expect(peers).toHaveLength(1)
      crowd.honest()
      await crowd.world.settle()
      expect(crowd.due.filter((hash) => !crowd.begun.has(hash))).toEqual([])
      crowd.judge('accept')
      await settlePromises()
      await crowd.world.stop()
    }),
    { numRuns: Number(process.env.RUNS ?? 20) },
  )
})

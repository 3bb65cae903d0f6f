/** Raw peers that come, go, swap links, and bring the same and other bodies of the same application ids, and one that is honest. */
import { DedupCache } from '../../src/policy/dedup.js'
import type { PeerClass } from '../../src/ports/types.js'
import { hex, utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { BROADCAST_ID_BYTES, broadcastId, direct, message, request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { HandlerContext } from '../../src/swarm/handler-call.js'
import type { Identity } from '../../src/swarm/identity.js'
import type { Peer } from '../../src/swarm/peer.js'
import type { Verdict } from '../../src/swarm/registry.js'
import type { Swarm } from '../../src/swarm/swarm.js'
import { fragmentsOf } from './propagation-scene.js'
import { RawPeer } from './raw-peer.js'
import type { Pair } from './scheduled-network.js'
import { World } from './world.js'

interface Body {
  readonly hash: string
  readonly body: string
}

const Keyed = message<Body>('keyed', { id: ({ hash }) => hash, serial: true })
const Big = message<Body>('big', { id: ({ hash }) => hash, priority: 'bulk' })
/** Many at once, each until it is its turn to answer. */
const Loose = message<Body>('loose', { id: ({ hash }) => hash })
/** At once. */
const Quick = message<Body>('quick', { id: ({ hash }) => hash })
const Note = direct<number>('note', { serial: true })
const Ask = request<number, number>('ask')
const NAMES = [
  ...[Keyed, Big, Loose, Quick].map(({ name }) => ({ kind: 'message' as const, name })),
  { kind: 'direct' as const, name: Note.name },
  { kind: 'request' as const, name: Ask.name },
]
const NOTE = 4
const ASK = 5
const BIG = 'b'.repeat(40_000)
const STRANGERS: readonly PeerClass[] = ['regular', 'regular', 'unknown', 'unknown', 'unknown']
const WITH_TRUSTED: readonly PeerClass[] = ['masternode', ...STRANGERS.slice(1)]

export type Made = { readonly index: number; readonly name: string; readonly body: Uint8Array; readonly id: Uint8Array }

export class Crowd {
  readonly world: World
  /** Application ids of which a body has been given to the handler. */
  readonly begun: Set<string> = new Set<string>()
  readonly due: string[] = []
  /** What no host should see. */
  readonly wrongs: string[] = []
  /** Questions of the node's that are not settled. */
  open = 0
  readonly #running: ((verdict: Verdict) => void)[] = []
  /** The last handler of each application id. */
  readonly #last = new Map<string, HandlerContext>()
  readonly #accepted = new Map<string, Body>()
  #sentBytes = 0
  readonly #identities: readonly Identity[]
  readonly #links: { readonly peer: RawPeer; readonly pair: Pair | undefined }[] = []
  readonly #listed = new Set<string>()
  #honest: RawPeer | null = null
  #floods = 0

  /**
   * @param ofStrangers without a masternode, whose messages go before all others'
   * @param inFlightMax so many may be judged or wait for it; what comes beyond waits for that
   */
  constructor(seed: number, ofStrangers: boolean, inFlightMax: number) {
    const classes = ofStrangers ? STRANGERS : WITH_TRUSTED
    this.world = new World(seed)
    this.world.network.unreadMax = 20_000
    this.#identities = classes.map(() => this.world.identity())
    const classOf = (peerId: string): PeerClass =>
      this.#listed.has(peerId)
        ? 'masternode'
        : (classes[this.#identities.findIndex(({ id }) => id === peerId)] ?? 'regular')
    const { swarm } = this.world.node('node', {
      authorize: ({ peerId }) => classOf(peerId),
      perIpLimits: false,
      memoryMaxMiB: 64,
      dedup: new DedupCache({ inFlightMax }),
    })
    for (const definition of [Keyed, Big, Loose, Quick])
      swarm.handle(definition, (body, context) => {
        this.#begun(definition.name, body, context)
        const told = (verdict: Verdict): Verdict => this.#told(definition.name, body, context, verdict)
        const verdict = this.#atOnce(definition, body, context.peer, told)
        if (verdict !== null) return verdict
        return definition === Quick ? told('accept') : this.#later((one) => told(isHonest(body) ? 'accept' : one))
      })
    swarm.handle(Note, async () => this.#later(() => undefined))
    swarm.respond(Ask, async (n) => this.#later(() => n))
  }

  get swarm(): Swarm {
    const [node] = this.world.nodes
    if (node === undefined) throw new Error('no node')
    return node.swarm
  }

  async begin(): Promise<void> {
    await this.swarm.start()
    this.#honest = await this.#connect({ identity: this.world.identity() })
  }

  async join(who: number, epoch: number, answers: boolean): Promise<void> {
    const identity = this.#identities[who % this.#identities.length]
    if (identity === undefined) return
    // Or there would soon be nobody left.
    this.swarm.unban(identity.id)
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
    if (name !== Big.name) peer?.broadcast(index, name, body)
    else
      for (const fragment of fragmentsOf(this.idOf(name, body), body, index).slice(0, how === 'part' ? 1 : Infinity))
        peer?.record([fragment])
  }

  /** So many that are new, each with an id of its own: as many as may be judged at once, or more. */
  flood(at: number, name: string): void {
    for (let n = name === Loose.name ? 70 : 20; n > 0; n--)
      this.say(at, this.make(name, `flood ${String(this.#floods++)}`, ''), 'whole')
  }

  tell(at: number, made: Made): void {
    this.#at(at)?.peer.send(FRAME.inventory, encodeInventory([{ id: made.id, size: made.body.length + 16 }]))
  }

  list(at: number, type: 'get' | 'notFound', made: Made): void {
    this.#at(at)?.peer.send(FRAME[type], encodeIds([made.id]))
  }

  /** The host lists it as a masternode, where nobody can be reached, or strikes it off. */
  trust(who: number, isListed: boolean): void {
    const { id } = this.#identities[who % this.#identities.length] ?? { id: '' }
    if (isListed) this.#listed.add(id)
    else this.#listed.delete(id)
    if (isListed) this.swarm.masternodes.add(`memory://${id}@nowhere:1`)
    else this.swarm.masternodes.remove(id)
  }

  note(at: number): void {
    this.#at(at)?.peer.send(FRAME.firstApplication + NOTE, utf8('1'))
  }

  asks(at: number, id: number): void {
    this.#at(at)?.peer.ask(id, ASK, utf8('1'))
  }

  asked(who: number): void {
    const asked = this.swarm
      .peer(this.#identities[who % this.#identities.length]?.id ?? this.swarm.id)
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

  honest(name: string, bytes = 0): void {
    const hash = `honest ${String(this.due.length)}`
    this.due.push(hash)
    const { index, body } = this.make(name, hash, ' '.repeat(bytes))
    this.#honest?.broadcast(index, name, body)
    this.#sentBytes += BROADCAST_ID_BYTES + body.length + 1
  }

  /** What the honest one has been sent back of its credit, and has not: told when all that is due has come, a quarter of the window later. */
  async owedBytes(): Promise<number> {
    const grants = () => this.#honest?.of('window') ?? []
    const before = grants().length
    for (let tries = 0; grants().length === before && tries < 80; tries++) {
      this.honest(Quick.name, 15_000)
      await this.world.settle()
    }
    return this.#sentBytes - grants().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** What was accepted, and the honest one, who has always been there, has not been told of. */
  get untold(): readonly string[] {
    const ids = this.#honest?.of('inventory').flatMap(({ announced }) => announced.map(({ id }) => hex(id))) ?? []
    const bodies = this.#honest?.of('application').map(({ body }) => hex(body.subarray(0, BROADCAST_ID_BYTES))) ?? []
    const told = new Set([...ids, ...bodies])
    return [...this.#accepted].flatMap(([key, body]) => {
      const [name = ''] = key.split(' ')
      return isHonest(body) || told.has(hex(this.idOf(name, utf8(JSON.stringify(body))))) ? [] : [key]
    })
  }

  publish(size: number): void {
    const body = { hash: `own ${String(this.world.random.float())}`, body: 'o'.repeat(size) }
    this.#publish(size > 1_000 ? Big : Keyed, body)
  }

  make(name: string, hash: string, what: string): Made {
    const body = utf8(JSON.stringify({ hash, body: name === Big.name ? BIG + what : what }))
    return { index: NAMES.findIndex((one) => one.name === name), name, body, id: this.idOf(name, body) }
  }

  idOf(name: string, body: Uint8Array): Uint8Array {
    return broadcastId(name, body, this.world.crypto)
  }

  judge(verdict: Verdict): void {
    this.#running.shift()?.(verdict)
  }

  /** What the honest one has said and nobody has begun to judge. */
  get unheard(): readonly string[] {
    return this.due.filter((hash) => !this.begun.has(hash))
  }

  /** All handlers that run answer, and others begin. */
  async round(): Promise<void> {
    for (const finish of this.#running.splice(0)) finish('ignore')
    await this.world.settle()
  }

  /** Everybody leaves, and what they have left behind has all the time it needs. */
  async end(): Promise<void> {
    while (this.#links.length > 0) this.leave(0)
    for (let seconds = 0; seconds < 90; seconds++) {
      await this.world.run(1_000)
      for (let rounds = 0; this.#running.length > 0 && rounds < 1_000; rounds++) await this.round()
    }
  }

  /** Of one application id one body is judged at a time, and none after one was accepted. */
  #begun(name: string, { hash }: Body, context: HandlerContext): void {
    const key = `${name} ${hash}`
    this.begun.add(hash)
    if (this.#last.get(key)?.signal.aborted === false) this.wrongs.push(`${key} is judged twice at once`)
    if (this.#accepted.has(key)) this.wrongs.push(`${key} is judged after it was accepted`)
    this.#last.set(key, context)
  }

  #told(name: string, body: Body, { signal }: HandlerContext, verdict: Verdict): Verdict {
    if (verdict === 'accept' && !signal.aborted) this.#accepted.set(`${name} ${body.hash}`, body)
    return verdict
  }

  /** @returns null where its body does not say what to do with it */
  #atOnce(
    definition: typeof Keyed,
    { hash, body }: Body,
    peer: Peer,
    told: (verdict: Verdict) => Verdict,
  ): Verdict | Promise<Verdict> | null {
    switch (body.replace(BIG, '')) {
      case '0':
        return told('ignore')
      case '1':
        return told('reject')
      case '2':
        throw new Error('what no handler should meet')
      case '3':
        // Of two accepted bodies of one id: its own, and this.
        this.#publish(definition, { hash, body: 'own' })
        return 'accept'
      case '4':
        peer.close()
        return told('accept')
      case '5':
        return Promise.resolve().then(() => told('accept'))
      default:
        return null
    }
  }

  #publish(definition: typeof Keyed, body: Body): void {
    this.swarm.broadcast(definition, body)
    this.#accepted.set(`${definition.name} ${body.hash}`, body)
  }

  /** A handler that runs until it is its turn to answer. */
  async #later<T>(answer: (verdict: Verdict) => T): Promise<T> {
    return new Promise((resolve) => {
      this.#running.push((verdict) => {
        resolve(answer(verdict))
      })
    })
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

function isHonest({ hash }: Body): boolean {
  return hash.startsWith('honest')
}

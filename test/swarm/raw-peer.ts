/** The other side of the wire, in the hands of a test: a session that says whatever it is told to, true to form or not. */
import type { Reason } from '../../src/errors.js'
import { parseAddress } from '../../src/policy/address.js'
import type { Link } from '../../src/ports/transport.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { DELEGATION_LIFE_MS, delegationMessage, encodeDelegation } from '../../src/protocol/delegation.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import type { Hello } from '../../src/protocol/hello.js'
import { broadcastId } from '../../src/protocol/message.js'
import { parsePeerId } from '../../src/protocol/peer-id.js'
import type { SessionEvent, SessionSetup } from '../../src/protocol/session.js'
import { Session } from '../../src/protocol/session.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { Identity } from '../../src/swarm/identity.js'
import type { Node, World } from './world.js'

export interface RawOptions {
  readonly identity?: Identity
  /** Whether pings are answered: yes, unless it says so. */
  readonly answers?: boolean
  /** Where it dials from. */
  readonly name?: string
  /** What tells this process from others of the same identity. */
  readonly epoch?: number
  readonly network?: string
  readonly protocol?: SessionSetup['protocol']
  readonly supersedes?: readonly Uint8Array[]
  readonly names?: Hello['names']
  /** Keeps its hello back until `sayHello`. */
  readonly holdsHello?: boolean
  /** How long the delegation still lives. */
  readonly lifeMs?: number
}

export class RawPeer {
  readonly identity: Identity
  readonly events: SessionEvent[] = []
  /** How the link ended, null while it lives. */
  closed: Reason | null = null
  /** Whether pings are answered. */
  answers: boolean
  /** Whether it takes note of what it is told: one that does not goes on, whatever the node says. */
  hears = true
  /** Whether the node has ended its half of the link. */
  isLeft = false
  readonly #world: World
  readonly #options: RawOptions
  readonly #session: Session
  #link: Link | null = null
  #holds = false
  #kept: Uint8Array | null = null

  private constructor(world: World, options: RawOptions) {
    const { crypto, clock, random } = world
    this.#world = world
    this.#options = options
    this.answers = options.answers ?? true
    this.identity = options.identity ?? world.identity()
    const networkId = new Uint8Array(8)
    networkId.set(utf8(options.network ?? 'TEST'))
    const staticKeys = crypto.dhKeyPair(random.bytes(32))
    const notAfterS = Math.floor((clock.wall() + (options.lifeMs ?? DELEGATION_LIFE_MS)) / 1000)
    const signature = this.identity.sign(delegationMessage(networkId, staticKeys.publicKey, notAfterS)) as Uint8Array
    const ownPublicKey = parsePeerId(this.identity.id, crypto)
    this.#session = new Session({
      direction: 'outbound',
      networkId,
      crypto,
      staticKeys,
      delegation: encodeDelegation(ownPublicKey, notAfterS, signature),
      ownPublicKey,
      ephemeralKeys: () => crypto.dhKeyPair(random.bytes(32)),
      expectedPublicKey: null,
      wallMs: clock.wall(),
      protocol: options.protocol ?? { version: 1, minVersion: 1 },
    })
  }

  /** Dials the node and shakes hands, as far as that goes. */
  static async connect(world: World, node: Node, options: RawOptions = {}): Promise<RawPeer> {
    const peer = new RawPeer(world, options)
    world.network.transport(options.name ?? 'raw').dial(parseAddress(`memory://${node.name}:1`), {
      opened: (link) => {
        peer.#opened(link)
      },
      failed: (reason) => {
        peer.closed = reason
      },
    })
    await world.settle()
    return peer
  }

  /** Eight bytes that both ends know this link by. */
  get connectionId(): Uint8Array {
    return this.#session.connectionId
  }

  /** Why the node ended it, null where it said nothing. */
  get told(): Reason | null {
    return this.events.find((event) => event.kind === 'told')?.reason ?? null
  }

  /** The events of one kind. */
  of<K extends SessionEvent['kind']>(kind: K): Extract<SessionEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<SessionEvent, { kind: K }> => event.kind === kind)
  }

  /** One frame, in a record of its own. */
  send(type: number, body: Uint8Array): void {
    this.#link?.write(this.#session.seal([encodeFrame(type, body)]))
  }

  /** Bytes as they are, outside any record. */
  write(bytes: Uint8Array): void {
    this.#link?.write([bytes])
  }

  /** Seals some frames, or none, as one record. */
  record(frames: readonly Uint8Array[]): void {
    this.#link?.write(this.#session.seal(frames))
  }

  /** A broadcast as its origin sends it; `id` only where it shall be a false one. */
  broadcast(index: number, name: string, body: Uint8Array, id?: Uint8Array): void {
    this.send(FRAME.firstApplication + index, joinBytes([id ?? broadcastId(name, body, this.#world.crypto), body]))
  }

  ask(id: number, index: number, body: Uint8Array): void {
    this.send(FRAME.request, joinBytes([varintBytes(id), varintBytes(FRAME.firstApplication + index), body]))
  }

  /** Gives back credit that was used, a quarter of the window at least. */
  grant(bytes: number): void {
    this.#session.credit.release(bytes)
    this.send(FRAME.window, varintBytes(this.#session.credit.pickGrant()))
  }

  /** Breaks the link off without a goodbye. */
  destroy(): void {
    this.#link?.destroy()
  }

  #opened(link: Link): void {
    this.#link = link
    link.open({
      data: (bytes) => {
        if (!this.hears) return
        this.#session.receive(bytes)
        for (let event = this.#session.next(); event !== null; event = this.#session.next()) this.#take(event)
        this.#flush()
      },
      drained: () => undefined,
      ended: () => {
        this.isLeft = true
        if (this.hears) link.end()
      },
      closed: (reason) => {
        this.closed = reason
      },
    })
    this.#flush()
  }

  #take(event: SessionEvent): void {
    this.events.push(event)
    if (event.kind === 'proven') {
      this.#session.admit(this.#hello())
      this.#holds = this.#options.holdsHello === true
    }
    if (event.kind === 'ping' && this.answers) this.send(FRAME.pong, event.payload)
  }

  #hello(): Hello {
    const { epoch = 1, protocol = { version: 1, minVersion: 1 }, names = [], supersedes = [] } = this.#options
    return {
      epoch: new Uint8Array(8).fill(epoch),
      ...protocol,
      names,
      limits: { messageBytesMax: 65_536, requestsMax: 256, windowBytes: 131_072 },
      supersedes,
      agent: 'raw',
      addresses: [],
      wallMs: this.#world.clock.wall(),
    }
  }

  /** Says what it kept back. */
  sayHello(): void {
    if (this.#kept !== null) this.#link?.write([this.#kept])
    this.#kept = null
  }

  #flush(): void {
    let chunks: readonly Uint8Array[] = this.#session.output
    this.#session.output = []
    if (this.#holds) {
      // The last handshake message goes, with its two bytes of length; the record behind it does not.
      const all = joinBytes(chunks)
      const end = 2 + ((all[0] ?? 0) << 8) + (all[1] ?? 0)
      chunks = [all.subarray(0, end)]
      this.#kept = all.subarray(end)
      this.#holds = false
    }
    if (chunks.length > 0) this.#link?.write(chunks)
  }
}

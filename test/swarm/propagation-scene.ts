/** A node among peers that say whatever a test lets them say of broadcasts, and everything that they are told of them. */
import type { PeerClass } from '../../src/ports/types.js'
import { hex, joinBytes } from '../../src/protocol/bytes.js'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { FRAME } from '../../src/protocol/frame.js'
import { encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { broadcastId, message } from '../../src/protocol/message.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { Verdict } from '../../src/swarm/registry.js'
import type { BroadcastOptions } from '../../src/swarm/swarm.js'
import type { RawOptions } from './raw-peer.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

export const Tx: ReturnType<typeof message<Uint8Array>> = message('tx')
export const SMALL = 250
export const LARGE = 5_000
/** In more than one frame. */
export const FRAGMENTED = 60_000

/** A broadcast as it travels. */
export interface Made {
  readonly id: Uint8Array
  readonly body: Uint8Array
  /** What the host makes it of, and gets. */
  readonly payload: Uint8Array
  /** Of id and body. */
  readonly size: number
  /** What it is called below. */
  readonly name: string
}

export class Scene {
  readonly world: World = new World()
  readonly node: Node
  /** What the handler was given, by name. */
  readonly handled: string[] = []
  readonly #classes = new Map<string, PeerClass>()
  readonly #names = new Map<string, string>()
  #made = 0

  constructor(
    options: Partial<SwarmOptions> = {},
    verdict: Verdict | Promise<Verdict> | (() => Promise<Verdict>) = 'accept',
  ) {
    this.node = this.world.node('node', {
      authorize: ({ peerId }) => this.#classes.get(peerId) ?? 'regular',
      ...options,
    })
    this.node.swarm.handle(Tx, (body) => {
      this.handled.push(String(new DataView(body.buffer, body.byteOffset).getUint32(0)))
      return typeof verdict === 'function' ? verdict() : verdict
    })
  }

  static async of(
    options: Partial<SwarmOptions> = {},
    verdict?: ConstructorParameters<typeof Scene>[1],
  ): Promise<Scene> {
    const scene = new Scene(options, verdict)
    await scene.node.swarm.start()
    return scene
  }

  async peer(peerClass: PeerClass = 'regular', own: RawOptions = {}): Promise<RawPeer> {
    const identity = own.identity ?? this.world.identity()
    this.#classes.set(identity.id, peerClass)
    return RawPeer.connect(this.world, this.node, { names: [{ kind: 'message', name: 'tx' }], ...own, identity })
  }

  async peers(count: number): Promise<readonly RawPeer[]> {
    const peers: RawPeer[] = []
    for (let i = 0; i < count; i++) peers.push(await this.peer())
    return peers
  }

  /** A body that nobody has seen. */
  make(bytes: number): Made {
    const body = new Uint8Array(bytes)
    // Behind the byte that says that bytes follow.
    new DataView(body.buffer).setUint32(1, ++this.#made)
    const id = broadcastId('tx', body, this.world.crypto)
    const name = String(this.#made)
    this.#names.set(hex(id), name)
    return { id, body, payload: body.subarray(1), size: 16 + bytes, name }
  }

  /** The node broadcasts so many bytes. */
  publish(bytes: number, options: BroadcastOptions = {}): Made {
    const made = this.make(bytes)
    this.node.swarm.broadcast(Tx, made.payload, options)
    return made
  }

  announce(peer: RawPeer, ...made: readonly Made[]): void {
    peer.send(FRAME.inventory, encodeInventory(made))
  }

  get(peer: RawPeer, ...made: readonly Made[]): void {
    peer.send(FRAME.get, encodeIds(made.map(({ id }) => id)))
  }

  refuse(peer: RawPeer, ...made: readonly Made[]): void {
    peer.send(FRAME.notFound, encodeIds(made.map(({ id }) => id)))
  }

  /** Whole, or as many of its fragments. */
  send(peer: RawPeer, { id, body }: Made, fragments: number = Infinity): void {
    if (body.length < 32_000) peer.broadcast(0, 'tx', body)
    else
      for (const fragment of fragmentsOf(id, body).slice(0, fragments)) {
        peer.record([fragment])
      }
  }

  nameOf(id: Uint8Array): string {
    return this.#names.get(hex(id)) ?? hex(id)
  }

  /** What a peer was told that the node has, in order. */
  told(peer: RawPeer): string[] {
    return peer.of('inventory').flatMap(({ announced }) => announced.map(({ id }) => this.nameOf(id)))
  }

  /** What it was asked for. */
  asked(peer: RawPeer): string[] {
    return peer.of('get').flatMap(({ ids }) => ids.map((id) => this.nameOf(id)))
  }

  /** What it asked for and was not given. */
  refused(peer: RawPeer): string[] {
    return peer.of('not-found').flatMap(({ ids }) => ids.map((id) => this.nameOf(id)))
  }

  /** What it was sent. */
  sent(peer: RawPeer): string[] {
    return peer.of('application').map(({ body }) => this.nameOf(body.subarray(0, 16)))
  }
}

export function fragmentsOf(id: Uint8Array, body: Uint8Array, index: number = 0): readonly Uint8Array[] {
  const fragmenter = new Fragmenter(1, FRAME.firstApplication + index, [id, body])
  const fragments: Uint8Array[] = []
  while (!fragmenter.done) fragments.push(joinBytes(fragmenter.next()))
  return fragments
}

/** Somebody with an identity and keys of its own who seals whatever bytes it likes, at either end of a link to a swarm. */
import { parseAddress } from '../../src/policy/address.js'
import type { Link } from '../../src/ports/transport.js'
import type { Direction } from '../../src/ports/types.js'
import { copyBytes, utf8 } from '../../src/protocol/bytes.js'
import { DELEGATION_LIFE_MS, delegationMessage, encodeDelegation } from '../../src/protocol/delegation.js'
import type { Hello } from '../../src/protocol/hello.js'
import { parsePeerId } from '../../src/protocol/peer-id.js'
import { Session } from '../../src/protocol/session.js'
import type { Identity } from '../../src/swarm/identity.js'
import type { SeededRandom } from '../../src/testing/seeded-random.js'
import type { World } from '../swarm/world.js'
import { someAddress, someText } from './fuzz-frames.js'

const RECORD_PLAIN_MAX = 65_519

export class Liar {
  readonly identity: Identity
  /** Whether there is no link, or none that anything can be said on. */
  over = true
  readonly #world: World
  readonly #random: SeededRandom
  readonly #wild: boolean
  #session: Session | null = null
  #link: Link | null = null

  /** @param wild whether its hello is as hostile as its frames */
  constructor(world: World, random: SeededRandom, wild: boolean) {
    this.#world = world
    this.#random = random
    this.#wild = wild
    this.identity = world.identity()
  }

  dial(host: string): void {
    this.#world.network.transport('liar').dial(parseAddress(`memory://${host}:1`), {
      opened: (link) => {
        this.#open(link, 'outbound')
      },
      failed: () => undefined,
    })
  }

  listen(): void {
    this.#world.network.transport('liar').listen?.(parseAddress('memory://liar:1'), {
      listening: () => undefined,
      accepted: (link) => {
        this.#open(link, 'inbound')
      },
      failed: () => undefined,
    })
  }

  /** Whatever it is, in as few records as hold it. */
  seal(plain: Uint8Array): void {
    for (let at = 0; at < plain.length; at += RECORD_PLAIN_MAX) {
      const part = plain.subarray(at, at + RECORD_PLAIN_MAX)
      const chunks = this.#session?.seal([part]).map((chunk) => copyBytes(chunk)) ?? []
      if (chunks.length > 0) this.#link?.write(chunks)
    }
  }

  /** Bytes outside any record. */
  write(bytes: Uint8Array): void {
    this.#link?.write([copyBytes(bytes)])
  }

  hangUp(politely: boolean): void {
    this.over = true
    if (politely) this.#link?.end()
    else this.#link?.destroy()
  }

  #open(link: Link, direction: Direction): void {
    const session = new Session(this.#setup(direction))
    this.#session = session
    this.#link = link
    this.over = false
    const flush = (): void => {
      if (session.output.length > 0) link.write(session.output.splice(0).map((chunk) => copyBytes(chunk)))
      if (session.state === 'over' && this.#session === session) this.over = true
    }
    link.open({
      data: (bytes) => {
        session.receive(bytes)
        for (let event = session.next(); event !== null; event = session.next())
          if (event.kind === 'proven') session.admit(this.#hello())
        flush()
      },
      drained: () => undefined,
      ended: () => {
        link.end()
      },
      closed: () => {
        if (this.#session === session) this.over = true
      },
    })
    flush()
  }

  #setup(direction: Direction): ConstructorParameters<typeof Session>[0] {
    const { crypto, clock } = this.#world
    const networkId = new Uint8Array(8)
    networkId.set(utf8('TEST'))
    const staticKeys = crypto.dhKeyPair(this.#random.bytes(32))
    const notAfterS = Math.floor((clock.wall() + DELEGATION_LIFE_MS) / 1000)
    const signature = this.identity.sign(delegationMessage(networkId, staticKeys.publicKey, notAfterS)) as Uint8Array
    const ownPublicKey = parsePeerId(this.identity.id, crypto)
    return {
      direction,
      networkId,
      crypto,
      staticKeys,
      delegation: encodeDelegation(ownPublicKey, notAfterS, signature),
      ownPublicKey,
      ephemeralKeys: () => crypto.dhKeyPair(this.#random.bytes(32)),
      expectedPublicKey: null,
      wallMs: clock.wall(),
      protocol: { version: 1, minVersion: 1 },
    }
  }

  #hello(): Hello {
    const random = this.#random
    const texts = (make: (random: SeededRandom) => string): string[] =>
      Array.from({ length: this.#wild ? random.below(9) : 0 }, () => make(random))
    return {
      epoch: new Uint8Array(8).fill(random.below(3)),
      version: 1,
      minVersion: 1,
      names: [
        { kind: 'request', name: 'ask' },
        { kind: 'message', name: 'tx' },
        ...texts(someText).map((name) => ({ kind: 'direct' as const, name })),
      ],
      limits: {
        messageBytesMax: random.below(70_000),
        requestsMax: random.below(300),
        windowBytes: this.#wild ? random.below(2_000) : 131_072,
      },
      supersedes: texts(() => '').map(() => random.bytes(8)),
      agent: this.#wild ? someText(random) : 'liar',
      addresses: texts(someAddress),
      wallMs: random.below(2 ** 48),
    }
  }
}

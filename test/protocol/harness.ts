/** Two sessions at the ends of a pipe that lives in memory, with fixed keys, and whoever wants to edit what passes. */
import fc from 'fast-check'
import type { Crypto, DhKeyPair, SigningKeyPair } from '../../src/ports/crypto.js'
import type { Direction } from '../../src/ports/types.js'
import { copyBytes, joinBytes } from '../../src/protocol/bytes.js'
import { delegationMessage, encodeDelegation } from '../../src/protocol/delegation.js'
import type { Hello } from '../../src/protocol/hello.js'
import type { SessionEvent, SessionSetup } from '../../src/protocol/session.js'
import { Session } from '../../src/protocol/session.js'
import { crypto as nodeCrypto } from '../../src/runtime/crypto-node.js'
import { crypto as webCrypto } from '../../src/runtime/crypto-web.js'

export { nodeCrypto, webCrypto }

export const WALL_MS: number = 1_750_000_000_000
export const DAY_MS: number = 86_400_000
export const NETWORK: Uint8Array = Uint8Array.of(0x54, 0x49, 0x4d, 0x45, 1, 2, 3, 4)

export const BACKENDS: readonly { readonly name: string; readonly initiator: Crypto; readonly responder: Crypto }[] = [
  { name: 'node with node', initiator: nodeCrypto, responder: nodeCrypto },
  { name: 'web with web', initiator: webCrypto, responder: webCrypto },
  { name: 'node with web', initiator: nodeCrypto, responder: webCrypto },
  { name: 'web with node', initiator: webCrypto, responder: nodeCrypto },
]

/** One node's keys. */
export interface Party {
  readonly crypto: Crypto
  readonly identity: SigningKeyPair
  readonly staticKeys: DhKeyPair
  readonly ephemeralKeys: DhKeyPair
}

export function seedBytes(salt: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => (salt * 29 + i * 7 + 1) & 0xff)
}

export function makeParty(crypto: Crypto, salt: number): Party {
  return {
    crypto,
    identity: crypto.signingKeyPair(seedBytes(salt)),
    staticKeys: crypto.dhKeyPair(seedBytes(salt + 1)),
    ephemeralKeys: crypto.dhKeyPair(seedBytes(salt + 2)),
  }
}

export interface DelegationParts {
  readonly networkId?: Uint8Array
  readonly staticKey?: Uint8Array
  readonly notAfterMs?: number
}

export function delegate(party: Party, parts: DelegationParts = {}): Uint8Array {
  const { networkId = NETWORK, staticKey = party.staticKeys.publicKey, notAfterMs = WALL_MS + 7 * DAY_MS } = parts
  const notAfterS = Math.floor(notAfterMs / 1000)
  const signature = party.identity.sign(delegationMessage(networkId, staticKey, notAfterS))
  return encodeDelegation(party.identity.publicKey, notAfterS, signature)
}

export function makeSetup(direction: Direction, party: Party, over: Partial<SessionSetup> = {}): SessionSetup {
  return {
    direction,
    networkId: NETWORK,
    crypto: party.crypto,
    staticKeys: party.staticKeys,
    ephemeralKeys: () => party.ephemeralKeys,
    ownPublicKey: party.identity.publicKey,
    delegation: over.delegation ?? delegate(party),
    expectedPublicKey: null,
    wallMs: WALL_MS,
    protocol: { version: 3, minVersion: 2 },
    ...over,
  }
}

export function makeHello(salt: number, over: Partial<Hello> = {}): Hello {
  return {
    epoch: copyBytes(seedBytes(salt), 0, 8),
    version: 3,
    minVersion: 2,
    names: [
      { kind: 'message', name: 'tx' },
      { kind: 'request', name: 'mempool' },
    ],
    limits: { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 200_000 },
    supersedes: [],
    agent: 'test/1',
    addresses: ['tcp://127.0.0.1:1'],
    wallMs: WALL_MS,
    ...over,
  }
}

/** What an owner does once it knows who is there. */
export type Decision = (session: Session) => void

export function admit(hello: Hello): Decision {
  return (session) => {
    session.admit(hello)
  }
}

/** One session and its owner: records what it is told, and reuses the memory that bytes came in, as a transport may. */
export class End {
  readonly session: Session
  readonly events: SessionEvent[] = []
  readonly #decide: Decision
  readonly #sent: Uint8Array[] = []

  constructor(setup: SessionSetup, decide: Decision) {
    this.session = new Session(setup)
    this.#decide = decide
  }

  get last(): SessionEvent | undefined {
    return this.events.at(-1)
  }

  /** Everything it ever sent, in order. */
  get sent(): Uint8Array {
    return joinBytes(this.#sent.map((bytes) => copyBytes(bytes)))
  }

  get kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind)
  }

  receive(bytes: Uint8Array): void {
    const lent = copyBytes(bytes)
    this.session.receive(lent)
    for (let event = this.session.next(); event !== null; event = this.session.next()) {
      this.events.push(ownEvent(event))
      if (event.kind === 'proven') this.#decide(this.session)
    }
    lent.fill(0xee)
  }

  /** What waits to be sent. */
  take(): Uint8Array {
    const chunks = this.session.output.map((chunk) => copyBytes(chunk))
    this.session.output = []
    this.#sent.push(...chunks)
    return joinBytes(chunks)
  }

  seal(...parts: readonly Uint8Array[]): void {
    this.session.output.push(...this.session.seal(parts).map((chunk) => copyBytes(chunk)))
  }
}

/** Changes what one side sends. `at` is where in its stream the bytes begin. */
export type Edit = (from: 'initiator' | 'responder', bytes: Uint8Array, at: number) => Uint8Array

export interface PipeOptions {
  /** Length of the next chunk to deliver; at least 1. */
  readonly chunk?: () => number
  readonly edit?: Edit
}

export class Pair {
  readonly initiator: End
  readonly responder: End
  readonly #options: PipeOptions
  #fromInitiator = 0
  #fromResponder = 0

  constructor(initiator: End, responder: End, options: PipeOptions = {}) {
    this.initiator = initiator
    this.responder = responder
    this.#options = options
  }

  get bothEstablished(): boolean {
    return this.initiator.session.state === 'established' && this.responder.session.state === 'established'
  }

  /** Carries bytes until nobody has any more to say. */
  pump(): this {
    for (;;) {
      const there = this.initiator.take()
      const back = this.responder.take()
      if (there.length + back.length === 0) return this
      this.#deliver('initiator', there, this.#fromInitiator, this.responder)
      this.#deliver('responder', back, this.#fromResponder, this.initiator)
      this.#fromInitiator += there.length
      this.#fromResponder += back.length
    }
  }

  #deliver(from: 'initiator' | 'responder', bytes: Uint8Array, at: number, to: End): void {
    const { chunk, edit } = this.#options
    const edited = edit === undefined ? bytes : edit(from, copyBytes(bytes), at)
    for (let done = 0; done < edited.length; ) {
      const length = chunk === undefined ? edited.length : chunk()
      to.receive(edited.subarray(done, done + length))
      done += length
    }
  }
}

const INITIATOR_SALT = 1
const RESPONDER_SALT = 101
const parties = new Map<Crypto, { readonly initiator: Party; readonly responder: Party }>()

/** The same two nodes always, for one implementation of the suite. */
export function partiesOf(crypto: Crypto): { readonly initiator: Party; readonly responder: Party } {
  let both = parties.get(crypto)
  if (both === undefined) {
    both = { initiator: makeParty(crypto, INITIATOR_SALT), responder: makeParty(crypto, RESPONDER_SALT) }
    parties.set(crypto, both)
  }
  return both
}

export interface PairOptions extends PipeOptions {
  readonly crypto?: Crypto
  readonly responderCrypto?: Crypto
  readonly initiatorSetup?: Partial<SessionSetup>
  readonly responderSetup?: Partial<SessionSetup>
  readonly initiatorHello?: Hello
  readonly responderHello?: Hello
  readonly initiatorDecides?: Decision
  readonly responderDecides?: Decision
}

const delegations = new Map<Party, Uint8Array>()

function cachedDelegation(party: Party): Uint8Array {
  const delegation = delegations.get(party) ?? delegate(party)
  delegations.set(party, delegation)
  return delegation
}

/** Two fresh sessions, nothing exchanged yet. */
export function makePair(options: PairOptions = {}): Pair {
  const { crypto = nodeCrypto, initiatorHello = makeHello(7), responderHello = makeHello(9) } = options
  const { initiator } = partiesOf(crypto)
  const { responder } = partiesOf(options.responderCrypto ?? crypto)
  return new Pair(
    new End(
      makeSetup('outbound', initiator, { delegation: cachedDelegation(initiator), ...options.initiatorSetup }),
      options.initiatorDecides ?? admit(initiatorHello),
    ),
    new End(
      makeSetup('inbound', responder, { delegation: cachedDelegation(responder), ...options.responderSetup }),
      options.responderDecides ?? admit(responderHello),
    ),
    options,
  )
}

/** Chunk lengths that go round and round. */
export function chunksOf(lengths: readonly number[]): () => number {
  let turn = 0
  return () => lengths[turn++ % lengths.length] ?? 1
}

export const anyChunks: fc.Arbitrary<readonly number[]> = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2_000 })),
  { minLength: 1, maxLength: 12 },
)

/** The bytes, cut as `lengths` say, again and again. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const next = chunksOf(lengths)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + next())
    chunks.push(copyBytes(bytes, at, end))
    at = end
  }
  return chunks
}

/** The index-th bit turned over. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = copyBytes(bytes)
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

function ownEvent(event: SessionEvent): SessionEvent {
  if ('body' in event) return { ...event, body: copyBytes(event.body) }
  if ('payload' in event) return { ...event, payload: copyBytes(event.payload) }
  return event
}

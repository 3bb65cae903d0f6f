/**
 * Preambles and the three Noise messages, up to proven identities:
 *   I→R  preamble ‖ u16 ‖ e
 *   R→I  preamble ‖ u16 ‖ e, ee, s, es + delegation
 *   I→R  u16 ‖ s, se + delegation
 * The prologue binds both preambles. Whoever must stop before keys exist sends 00 00 ‖ code, in the clear: a hint, no more.
 * Nothing is held beyond one handshake message.
 */
import type { ReasonCode, WireCode } from '../errors.js'
import { WIRE_CODES, wireCodeName } from '../errors.js'
import type { Crypto, DhKeyPair } from '../ports/crypto.js'
import type { Direction } from '../ports/types.js'
import { copyBytes, EMPTY, joinBytes, sameBytes, utf8 } from './bytes.js'
import { checkDelegation } from './delegation.js'
import type { Inbox } from './inbox.js'
import type { NoiseKeys } from './noise.js'
import { NoiseHandshake } from './noise.js'
import { formatPeerId } from './peer-id.js'
import type { PreambleStatus } from './preamble.js'
import { checkPreamble, initiatorPreamble, PREAMBLE_BYTES, responderPreamble } from './preamble.js'

/** No handshake message is longer. */
const HANDSHAKE_MESSAGE_MAX = 512
const PROLOGUE = utf8('holdfast/1\0')

export interface HandshakeSetup {
  readonly direction: Direction
  readonly networkId: Uint8Array
  readonly crypto: Crypto
  /** This process's static key, and what the identity signed for it. */
  readonly staticKeys: DhKeyPair
  readonly delegation: Uint8Array
  readonly ownPublicKey: Uint8Array
  /** Makes a key for this handshake alone, when it is needed. */
  readonly ephemeralKeys: () => DhKeyPair
  /** Who must answer, where the dialled address says so. */
  readonly expectedPublicKey: Uint8Array | null
  readonly wallMs: number
}

export type HandshakeStep =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'introduced' }
  | { readonly kind: 'proven'; readonly publicKey: Uint8Array; readonly skewMs: number }
  /** We found something wrong. `tell`: what the other side shall hear, null where it is no holdfast at all. */
  | { readonly kind: 'refused'; readonly code: ReasonCode; readonly tell: WireCode | null; readonly cause?: string }
  /** The other side found something wrong, and says so; nobody has signed it. */
  | { readonly kind: 'told'; readonly code: WireCode }

const WAITING: HandshakeStep = { kind: 'waiting' }

export class Handshake {
  readonly output: Uint8Array[] = []
  readonly #setup: HandshakeSetup
  readonly #initiator: boolean
  readonly #preamble: Uint8Array
  #noise: NoiseHandshake | null = null
  #ephemeralKeys: DhKeyPair | null = null
  #preambleSent = false
  #expects: 'first' | 'second' | 'third' = 'first'

  constructor(setup: HandshakeSetup) {
    this.#setup = setup
    this.#initiator = setup.direction === 'outbound'
    this.#preamble = this.#initiator ? initiatorPreamble(setup.networkId) : responderPreamble(setup.networkId, null)
    if (!this.#initiator) return
    // `e` does not depend on the prologue, so it can go before the responder's preamble is known.
    this.#sendPreamble(this.#preamble)
    this.#sendMessage(this.#ephemeral().publicKey)
  }

  readPreamble(inbox: Inbox): HandshakeStep {
    const { networkId } = this.#setup
    const seen = inbox.peek(PREAMBLE_BYTES)
    const check = checkPreamble(seen, networkId, this.#initiator ? 'responder' : 'initiator')
    if (check.kind === 'partial') return WAITING
    if (check.kind === 'garbage') return refused('garbage', null, check.foreign ?? undefined)
    if (check.kind === 'refused')
      return check.said ? { kind: 'told', code: check.status } : refused(check.status, check.status)
    const theirs = copyBytes(seen)
    inbox.take(PREAMBLE_BYTES)
    const both = this.#initiator ? [this.#preamble, theirs] : [theirs, this.#preamble]
    const { staticKeys, crypto } = this.#setup
    this.#noise = new NoiseHandshake({
      initiator: this.#initiator,
      prologue: joinBytes([PROLOGUE, ...both]),
      staticKeys,
      ephemeralKeys: this.#ephemeral(),
      crypto,
    })
    if (this.#initiator) {
      // Already on its way; written again for the state it leaves.
      this.#noise.write(EMPTY)
      this.#expects = 'second'
    }
    return { kind: 'introduced' }
  }

  readMessage(inbox: Inbox): HandshakeStep {
    const header = inbox.peek(3)
    if (header.length < 2) return WAITING
    const length = ((header[0] ?? 0) << 8) | (header[1] ?? 0)
    if (length === 0) {
      if (header.length < 3) return WAITING
      return { kind: 'told', code: hintName(header[2] ?? 0) }
    }
    if (length > HANDSHAKE_MESSAGE_MAX) return refused('bad-handshake', 'bad-handshake')
    const framed = inbox.take(2 + length)
    if (framed === null) return WAITING
    const payload = this.#noise?.read(framed.subarray(2)) ?? null
    if (payload === null) return refused('bad-handshake', 'bad-handshake')
    if (this.#expects !== 'first') return this.#prove(payload)
    const answer = payload.length === 0 ? (this.#noise?.write(this.#setup.delegation) ?? null) : null
    if (answer === null) return refused('bad-handshake', 'bad-handshake')
    this.#sendPreamble(this.#preamble)
    this.#sendMessage(answer)
    this.#expects = 'third'
    return this.readMessage(inbox)
  }

  /** The owner lets the peer in: the initiator shows its own identity only now. Null where the peer's key turned out worthless. */
  finish(): NoiseKeys | null {
    if (this.#initiator) {
      const last = this.#noise?.write(this.#setup.delegation) ?? null
      if (last === null) return null
      this.#sendMessage(last)
    }
    return this.#noise?.split() ?? null
  }

  /** Tells the other side, in the clear, why nothing comes of this. */
  abort(code: WireCode): void {
    const status = asStatus(code)
    if (!this.#preambleSent && status !== null) this.#sendPreamble(responderPreamble(this.#setup.networkId, status))
    else {
      if (!this.#preambleSent) this.#sendPreamble(this.#preamble)
      this.output.push(Uint8Array.of(0, 0, WIRE_CODES[code]))
    }
  }

  #ephemeral(): DhKeyPair {
    this.#ephemeralKeys ??= this.#setup.ephemeralKeys()
    return this.#ephemeralKeys
  }

  #prove(delegation: Uint8Array): HandshakeStep {
    const { networkId, crypto, wallMs, ownPublicKey, expectedPublicKey } = this.#setup
    const check = checkDelegation(delegation, this.#noise?.remoteStatic ?? EMPTY, networkId, wallMs, crypto)
    if (check.kind === 'forged') return refused('bad-handshake', 'bad-handshake')
    const { publicKey, skewMs } = check
    if (sameBytes(publicKey, ownPublicKey)) return refused('self', 'self')
    if (expectedPublicKey !== null && !sameBytes(publicKey, expectedPublicKey))
      return refused('wrong-identity', 'wrong-identity', `answered by ${formatPeerId(publicKey, crypto)}`)
    return { kind: 'proven', publicKey, skewMs }
  }

  #sendPreamble(preamble: Uint8Array): void {
    this.#preambleSent = true
    this.output.push(preamble)
  }

  #sendMessage(message: Uint8Array): void {
    this.output.push(Uint8Array.of(message.length >>> 8, message.length & 0xff), message)
  }
}

/** What may be believed of a clear word: that the dial failed, and perhaps why. Nothing that would change how we treat the peer. */
export function hintName(code: number): WireCode {
  const name = wireCodeName(code)
  return name === 'self' || name === 'duplicate' || name === 'superseded' || name === 'conflict' ? 'closed' : name
}

function asStatus(code: WireCode): PreambleStatus | null {
  switch (code) {
    case 'wrong-network':
    case 'wrong-chain':
    case 'wrong-version':
    case 'busy':
    case 'banned':
    case 'rate-limit':
      return code
    default:
      return null
  }
}

function refused(code: ReasonCode, tell: WireCode | null, cause?: string): HandshakeStep {
  return { kind: 'refused', code, tell, ...(cause === undefined ? {} : { cause }) }
}

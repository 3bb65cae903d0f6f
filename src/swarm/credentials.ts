/**
 * What this process shows in a handshake: its own static key, and the identity's word for it, renewed daily. The identity may
 * sit in a signer that answers late or fails; the delegation in use stays good for six days more.
 */
import { HoldfastError } from '../errors.js'
import type { Clock, Random } from '../ports/clock.js'
import type { Crypto, DhKeyPair } from '../ports/crypto.js'
import { EMPTY } from '../protocol/bytes.js'
import { DELEGATION_LIFE_MS, delegationMessage, encodeDelegation } from '../protocol/delegation.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Identity } from './identity.js'

export interface CredentialsSetup {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  readonly agenda: Agenda
  readonly identity: Identity
  readonly publicKey: Uint8Array
  readonly networkId: Uint8Array
  readonly failed: (error: HoldfastError) => void
}

const RENEWAL_MS = 86_400_000
const RETRY_MS = 60_000
const SIGNATURE_BYTES = 64

export class Credentials {
  readonly staticKeys: DhKeyPair
  /** Eight random bytes: this process, as peers tell it from the one before. */
  readonly epoch: Uint8Array
  readonly #setup: CredentialsSetup
  #delegation: Uint8Array = EMPTY
  #deadline: Deadline | null = null

  constructor(setup: CredentialsSetup) {
    this.#setup = setup
    this.staticKeys = setup.crypto.dhKeyPair(setup.random.bytes(32))
    this.epoch = setup.random.bytes(8)
  }

  get delegation(): Uint8Array {
    return this.#delegation
  }

  /** A key for one handshake only. */
  ephemeralKeys(): DhKeyPair {
    return this.#setup.crypto.dhKeyPair(this.#setup.random.bytes(32))
  }

  /** Has the identity sign, now and every day from now on. @throws HoldfastError `invalid-option` where the identity cannot sign */
  async start(): Promise<void> {
    await this.#renew()
    this.#schedule(RENEWAL_MS)
  }

  stop(): void {
    this.#deadline?.cancel()
    this.#deadline = null
  }

  #schedule(delayMs: number): void {
    this.#deadline?.cancel()
    this.#deadline = this.#setup.agenda.in(delayMs, () => {
      this.#renew().then(
        () => {
          this.#schedule(RENEWAL_MS)
        },
        (error: unknown) => {
          this.#setup.failed(error as HoldfastError)
          this.#schedule(RETRY_MS)
        },
      )
    })
  }

  async #renew(): Promise<void> {
    const { clock, identity, publicKey, networkId, crypto } = this.#setup
    const notAfterS = Math.floor((clock.wall() + DELEGATION_LIFE_MS) / 1000)
    const message = delegationMessage(networkId, this.staticKeys.publicKey, notAfterS)
    let signature: Uint8Array
    try {
      const signed = identity.sign(message)
      signature = signed instanceof Uint8Array ? signed : await signed
    } catch (cause) {
      throw new HoldfastError('invalid-option', 'identity.sign failed', { cause })
    }
    if (signature.length !== SIGNATURE_BYTES || !crypto.verify(publicKey, message, signature))
      throw new HoldfastError('invalid-option', 'identity.sign gave a signature that identity.id does not verify')
    this.#delegation = encodeDelegation(publicKey, notAfterS, signature)
  }
}

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

/** A delegation is renewed when it is this old by the wall clock, which may jump. */
const RENEWAL_MS = 86_400_000
const CHECK_MS = 60_000
const RETRY_MS = 60_000
/** A signer that has not answered by then has failed. */
const SIGN_MS = 10_000
const SIGNATURE_BYTES = 64

export class Credentials {
  readonly staticKeys: DhKeyPair
  /** Eight random bytes: this process, as peers tell it from the one before. */
  readonly epoch: Uint8Array
  readonly #setup: CredentialsSetup
  #delegation: Uint8Array = EMPTY
  #deadline: Deadline | null = null
  #signedAt = 0
  #stopped = false
  /** Ends a renewal that waits for the signer: whoever waits for it looks whether all was stopped. */
  #endRenewal: (() => void) | null = null

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

  /**
   * Has the identity sign, now and every day from now on. Calls back at once where the identity answers at once: `failed` with
   * an `invalid-option` where it cannot sign.
   */
  start(done: () => void, failed: (error: HoldfastError) => void): void {
    this.#renew(() => {
      this.#schedule(CHECK_MS)
      done()
    }, failed)
  }

  stop(): void {
    this.#stopped = true
    this.#deadline?.cancel()
    this.#deadline = null
    this.#endRenewal?.()
  }

  #schedule(delayMs: number): void {
    this.#deadline?.cancel()
    if (this.#stopped) return
    this.#deadline = this.#setup.agenda.in(delayMs, () => {
      if (Math.abs(this.#setup.clock.wall() - this.#signedAt) < RENEWAL_MS) {
        this.#schedule(CHECK_MS)
        return
      }
      this.#renew(
        () => {
          this.#schedule(CHECK_MS)
        },
        (error) => {
          this.#setup.failed(error)
          this.#schedule(RETRY_MS)
        },
      )
    })
  }

  #renew(done: () => void, failed: (error: HoldfastError) => void): void {
    const { clock, agenda, identity, publicKey, networkId, crypto } = this.#setup
    const signedAt = clock.wall()
    const notAfterS = Math.floor((signedAt + DELEGATION_LIFE_MS) / 1000)
    const message = delegationMessage(networkId, this.staticKeys.publicKey, notAfterS)
    let over = false
    const take = (signature: Uint8Array): void => {
      if (over) return
      over = true
      this.#endRenewal = null
      deadline?.cancel()
      const given: unknown = signature
      if (
        !(given instanceof Uint8Array) ||
        given.length !== SIGNATURE_BYTES ||
        !crypto.verify(publicKey, message, signature)
      ) {
        failed(new HoldfastError('invalid-option', 'identity.sign gave a signature that identity.id does not verify'))
        return
      }
      this.#delegation = encodeDelegation(publicKey, notAfterS, signature)
      this.#signedAt = signedAt
      done()
    }
    const fail = (cause: unknown): void => {
      if (over) return
      over = true
      this.#endRenewal = null
      deadline?.cancel()
      failed(new HoldfastError('invalid-option', 'identity.sign failed', { cause }))
    }
    let deadline: Deadline | null = null
    let signed: Uint8Array | Promise<Uint8Array>
    try {
      signed = identity.sign(message)
    } catch (error) {
      fail(error)
      return
    }
    if (signed instanceof Uint8Array) {
      take(signed)
      return
    }
    if (typeof (signed as Partial<Promise<Uint8Array>> | null)?.then !== 'function') {
      fail(new Error('neither a Uint8Array nor a promise of one'))
      return
    }
    deadline = agenda.in(SIGN_MS, () => {
      fail(new Error(`no signature within ${String(SIGN_MS)} ms`))
    })
    this.#endRenewal = () => {
      over = true
      deadline.cancel()
      done()
    }
    signed.then(take, fail)
  }
}

/**
 * Attempts under way: from the wait for a slot, through the opening of a socket, to the end of the handshake. Each ends exactly
 * once, however many things happen to it at the same time.
 */
import type { Reason } from '../errors.js'
import { addressKey } from '../policy/address.js'
import type { DialEvents } from '../ports/transport.js'
import type { Address, PeerClass } from '../ports/types.js'
import type { Connection } from './connection.js'
import { DialSlots } from './dial-slots.js'
import type { Target } from './dial-target.js'
import type { DialerSetup } from './dialer-setup.js'

interface Dialled {
  readonly target: Target
  readonly address: Address
}

export class DialAttempts {
  readonly #setup: DialerSetup
  readonly #failed: (target: Target, address: Address, reason: Reason) => void
  readonly #slots: DialSlots<Target, Address>
  // Bound: the dial slots of both kinds, and the handshakes' own deadline.
  readonly #handshakes = new Map<Connection, Dialled>()

  /** @param failed a socket could not be opened, or may no longer be */
  constructor(setup: DialerSetup, failed: (target: Target, address: Address, reason: Reason) => void) {
    this.#setup = setup
    this.#failed = failed
    this.#slots = new DialSlots(setup.trustedCount)
  }

  /** Begins, or waits for a slot to begin. */
  start(target: Target, address: Address): void {
    const { peerClass } = target
    if (this.#slots.isFull({ target, peerClass })) {
      target.attempt = { kind: 'queued' }
      this.#slots.wait({ target, address, peerClass })
    } else this.#open(target, address, peerClass)
  }

  /** Calls off an attempt whose socket is not open yet. */
  cancel(target: Target): void {
    const { attempt } = target
    if (attempt === null || attempt.kind === 'handshaking') return
    target.attempt = null
    if (attempt.kind === 'queued') {
      this.#slots.leave(target)
      return
    }
    attempt.cancel()
    attempt.deadline.cancel()
    this.#vacate(attempt.peerClass)
  }

  /**
   * Whoever asks now has said where to dial. What waits for a slot, and for nobody else, keeps its place and goes there; a stranger that is
   * being dialled where others say it is, for nobody else, is dialled there no more.
   * @returns whether something is under way
   */
  redirect(target: Target, address: Address): boolean {
    const { attempt, waiters, isNamed, isListed } = target
    if (attempt === null || waiters.length > 1) return attempt !== null
    if (attempt.kind === 'queued') this.#slots.readdress(target, address)
    const isHearsay = !isNamed && !isListed
    if (attempt.kind === 'dialing' && isHearsay && addressKey(attempt.address) !== addressKey(address))
      this.cancel(target)
    return target.attempt !== null
  }

  /** Who waits for a slot is of another class by now: it waits with those. */
  raise(target: Target): void {
    if (target.attempt?.kind !== 'queued') return
    for (const { address } of this.#slots.leave(target)) this.start(target, address)
  }

  /** The handshake of a dialled connection is over, well or badly. Null where it is none of ours, or was over before. */
  take(connection: Connection): Dialled | null {
    const dialled = this.#handshakes.get(connection)
    this.#handshakes.delete(connection)
    if (dialled === undefined) return null
    const { attempt } = dialled.target
    if (attempt?.kind === 'handshaking' && attempt.connection === connection) dialled.target.attempt = null
    return dialled
  }

  /** The handshake of a dialled connection is another target's from now on; where that has an attempt of its own, both go on. */
  move(connection: Connection, to: (dialled: Dialled) => Target | null): void {
    const dialled = this.#handshakes.get(connection)
    const target = dialled === undefined ? null : to(dialled)
    if (dialled === undefined || target === null || target === dialled.target) return
    this.#handshakes.set(connection, { ...dialled, target })
    target.attempt ??= dialled.target.attempt
  }

  clear(): void {
    this.#handshakes.clear()
    this.#slots.clear()
  }

  #open(target: Target, address: Address, peerClass: PeerClass): void {
    const { agenda, transports, connectMs, adopt } = this.#setup
    const transport = transports.get(address.scheme)
    if (transport === undefined) return
    this.#slots.occupy(peerClass)
    const end = (): void => {
      deadline.cancel()
      target.attempt = null
      this.#vacate(peerClass)
    }
    const isWanted = target.isNamed || target.isSeed || target.waiters.length > 0
    const events: DialEvents = {
      opened: (link) => {
        deadline.cancel()
        const connection = adopt(link, address)
        target.attempt = { kind: 'handshaking', address, connection }
        this.#handshakes.set(connection, { target, address })
        // Last: the host may hear of one that waited in vain, and call this off.
        this.#vacate(peerClass)
      },
      failed: (reason) => {
        end()
        this.#failed(target, address, reason)
      },
    }
    const cancel = transport.dial(address, events, !isWanted && !target.isListed)
    const deadline = agenda.in(connectMs(peerClass), () => {
      cancel()
      end()
      this.#failed(target, address, { code: 'dial-timeout', fault: 'network' })
    })
    target.attempt = { kind: 'dialing', address, peerClass, startedAt: agenda.now(), cancel, deadline }
  }

  /** The socket is open, or never will be: the slot is for the first of those who wait that was not banned meanwhile. */
  #vacate(peerClass: PeerClass): void {
    this.#slots.vacate(peerClass)
    for (let next = this.#slots.next(); next !== null; next = this.#slots.next()) {
      const { target, address } = next
      const isBanned = target.peerId !== null && this.#setup.isBanned(target.peerId)
      if (!isBanned) {
        this.#open(target, address, next.peerClass)
        return
      }
      target.attempt = null
      this.#failed(target, address, { code: 'banned', fault: 'local' })
    }
  }
}

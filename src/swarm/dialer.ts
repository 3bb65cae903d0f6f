/**
 * Our own attempts to reach peers: whom, when, and what follows. One target for each wanted peer or address; its state is one
 * tagged union. A slot is held only while a socket is opening, never while a backoff runs.
 */
import type { Reason } from '../errors.js'
import { HoldfastError, reasonError } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import type { Backoff } from '../policy/backoff.js'
import { checkDial, firstDialMs, firstRedialMs, planAfterFailure, STABLE_LINK_MS } from '../policy/dial.js'
import type { Random } from '../ports/clock.js'
import type { Link, Transport } from '../ports/transport.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import { DialSlots, isTrustedClass } from './dial-slots.js'
import type { Target, TargetState, Waiter } from './dial-targets.js'
import { DialTargets } from './dial-targets.js'
import type { DialFailure } from './events.js'

export interface DialerSetup {
  readonly agenda: Agenda
  readonly random: Random
  readonly backoff: Backoff
  readonly transports: ReadonlyMap<string, Transport>
  readonly connectMs: (peerClass: PeerClass) => number
  readonly trustedCount: () => number
  readonly isConnected: (peerId: PeerId) => boolean
  readonly isBanned: (peerId: PeerId) => boolean
  readonly isPreferred: (peerId: PeerId) => boolean
  /** An opened link becomes a connection; the dialer is told how that ended. */
  readonly adopt: (link: Link, address: Address) => Connection
  readonly failed: (failure: DialFailure) => void
  /** Trusted for long without a link: the operator should know. */
  readonly alarmed: (failure: DialFailure) => void
}

export class Dialer {
  readonly #setup: DialerSetup
  readonly #targets = new DialTargets()
  // Bound: the dial slots of both kinds.
  readonly #handshakes = new Map<Connection, Target>()
  readonly #slots: DialSlots<Target>

  constructor(setup: DialerSetup) {
    this.#setup = setup
    this.#slots = new DialSlots(setup.trustedCount)
  }

  /** Wants a peer from now on. The first dial is at once, or a little later where the other side goes first. */
  want(peerId: PeerId | null, peerClass: PeerClass, addresses: readonly Address[]): void {
    const target = this.#targets.provide(peerId, peerClass, addresses)
    target.kept = true
    if (target.state.kind !== 'idle') return
    const preferred = peerId === null || this.#setup.isPreferred(peerId)
    this.#dialIn(target, firstDialMs(preferred, isTrustedClass(peerClass) && peerId !== null, this.#setup.random))
  }

  /** Dials once, now, whatever the backoff says; joins an attempt under way. */
  async dial(address: Address, peerClass: PeerClass, signal?: AbortSignal): Promise<PeerId> {
    signal?.throwIfAborted()
    if (!this.#setup.transports.has(address.scheme))
      throw new HoldfastError('no-transport', `no transport for ${address.scheme}:`)
    const target = this.#targets.provide(address.peerId, peerClass, [address])
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiter.reject(signal?.reason as Error)
        if (target.waiters.length === 0 && !target.kept) this.#abandon(target)
      }
      const finish = (): void => {
        signal?.removeEventListener('abort', abort)
        target.waiters = target.waiters.filter((other) => other !== waiter)
      }
      const waiter: Waiter = {
        resolve: (peerId) => {
          finish()
          resolve(peerId)
        },
        reject: (error: Error) => {
          finish()
          reject(error)
        },
      }
      signal?.addEventListener('abort', abort)
      target.waiters.push(waiter)
      const { kind } = target.state
      if (kind === 'connected' && target.peerId !== null && this.#setup.isConnected(target.peerId))
        waiter.resolve(target.peerId)
      else if (kind !== 'dialing' && kind !== 'handshaking' && kind !== 'queued') this.#start(target, address)
    })
  }

  /** An outbound connection is greeted, or an inbound one: whoever waits for this peer need wait no more. */
  reached(peerId: PeerId, connection: Connection): void {
    const dialled = this.#handshakes.get(connection)
    this.#handshakes.delete(connection)
    const target = this.#targets.merge(dialled, peerId)
    if (target === null) return
    // A socket still opening is of no use now; one that is open already may be the link the other side keeps.
    if (target.state.kind === 'dialing') this.#cancelDial(target.state)
    if (target.state.kind === 'backing-off') target.state.deadline.cancel()
    target.state = { kind: 'connected', sinceAt: this.#setup.agenda.now() }
    for (const waiter of [...target.waiters]) waiter.resolve(peerId)
  }

  /** An outbound connection ended before it was greeted. */
  handshakeFailed(connection: Connection, reason: Reason): void {
    const target = this.#handshakes.get(connection)
    this.#handshakes.delete(connection)
    if (target?.state.kind !== 'handshaking' || target.state.connection !== connection) return
    this.#fail(target, target.state.address, reason)
  }

  /** The last link to a peer is gone. */
  lost(peerId: PeerId, reason: Reason): void {
    const { agenda, random, backoff, isPreferred } = this.#setup
    const target = this.#targets.find(peerId)
    if (target?.state.kind !== 'connected') return
    if (!target.kept) {
      this.#targets.delete(target)
      return
    }
    const stable = agenda.now() - target.state.sinceAt >= STABLE_LINK_MS
    if (stable) target.failures = 0
    if (stable && isTrustedClass(target.peerClass) && reason.retryAfterMs === undefined) {
      this.#dialIn(target, firstRedialMs(isPreferred(peerId), random))
      return
    }
    const plan = planAfterFailure({ reason, peerClass: target.peerClass, failures: target.failures }, backoff, random)
    target.failures = plan.failures
    this.#follow(target, plan.next)
  }

  /** Forgets every target and cancels every attempt. */
  stop(): void {
    for (const target of this.#targets.all()) {
      this.#abandon(target)
      for (const waiter of [...target.waiters]) waiter.reject(new HoldfastError('not-running', 'the swarm was stopped'))
    }
    this.#targets.clear()
    this.#handshakes.clear()
    this.#slots.clear()
  }

  /** How a peer stands with the dialer: null where it is not wanted. */
  stateOf(peerId: PeerId): { readonly kind: TargetState['kind']; readonly failures: number } | null {
    const target = this.#targets.find(peerId)
    return target === null ? null : { kind: target.state.kind, failures: target.failures }
  }

  #dialIn(target: Target, delayMs: number): void {
    if (delayMs <= 0) {
      this.#start(target, null)
      return
    }
    const deadline = this.#setup.agenda.in(delayMs, () => {
      this.#start(target, null)
    })
    target.state = { kind: 'backing-off', deadline }
  }

  #start(target: Target, wanted: Address | null): void {
    const { peerId, peerClass, state } = target
    const { isConnected, isBanned, transports } = this.#setup
    if (state.kind === 'backing-off') state.deadline.cancel()
    const address = wanted ?? target.addresses.find(({ scheme }) => transports.has(scheme)) ?? null
    const refusal = checkDial({
      isSelf: false,
      isConnected: peerId !== null && isConnected(peerId),
      isDialing: state.kind === 'dialing' || state.kind === 'handshaking',
      isBanned: peerId !== null && isBanned(peerId),
      hasTransport: address !== null,
    })
    if (refusal === 'already-connected') target.state = { kind: 'connected', sinceAt: this.#setup.agenda.now() }
    if (refusal === 'banned') this.#fail(target, address, { code: 'banned', fault: 'local' })
    if (refusal === 'no-transport') target.state = { kind: 'cold' }
    if (refusal !== null || address === null) return
    if (this.#slots.isFull(peerClass)) {
      target.state = { kind: 'queued' }
      this.#slots.wait(target)
      return
    }
    this.#open(target, address)
  }

  #open(target: Target, address: Address): void {
    const { agenda, transports, connectMs, adopt } = this.#setup
    const transport = transports.get(address.scheme)
    if (transport === undefined) return
    this.#slots.occupy(target.peerClass)
    const cancel = transport.dial(address, {
      opened: (link) => {
        this.#vacate(target)
        const connection = adopt(link, address)
        target.state = { kind: 'handshaking', address, connection }
        this.#handshakes.set(connection, target)
      },
      failed: (reason) => {
        this.#vacate(target)
        this.#fail(target, address, reason)
      },
    })
    const deadline = agenda.in(connectMs(target.peerClass), () => {
      cancel()
      this.#vacate(target)
      this.#fail(target, address, { code: 'dial-timeout', fault: 'network' })
    })
    target.state = { kind: 'dialing', address, cancel, deadline }
  }

  #fail(target: Target, address: Address | null, reason: Reason): void {
    const { backoff, random, failed, alarmed } = this.#setup
    const plan = planAfterFailure({ reason, peerClass: target.peerClass, failures: target.failures }, backoff, random)
    target.failures = plan.failures
    target.addresses = rotate(target.addresses, address)
    const failure: DialFailure = {
      peerId: target.peerId,
      address: address === null ? '' : formatAddress(address),
      reason,
      attempt: target.failures,
      retryInMs: target.kept && plan.next.kind === 'retry' ? plan.next.delayMs : null,
    }
    target.state = { kind: 'idle' }
    for (const waiter of [...target.waiters]) waiter.reject(reasonError(reason, `dialing ${failure.address} failed`))
    if (target.kept) this.#follow(target, plan.next)
    else this.#targets.delete(target)
    failed(failure)
    if (plan.next.kind === 'retry' && plan.next.alarm) alarmed(failure)
  }

  #follow(target: Target, next: ReturnType<typeof planAfterFailure>['next']): void {
    switch (next.kind) {
      case 'retry':
        this.#dialIn(target, Math.max(1, next.delayMs))
        break
      case 'cold':
      case 'give-up':
        target.state = { kind: 'cold' }
        break
      case 'forget':
      case 'drop':
        this.#targets.delete(target)
    }
  }

  #abandon(target: Target): void {
    const { state } = target
    if (state.kind === 'dialing') this.#cancelDial(state)
    if (state.kind === 'backing-off') state.deadline.cancel()
    target.state = { kind: 'idle' }
    this.#targets.delete(target)
  }

  #cancelDial(state: Extract<TargetState, { kind: 'dialing' }>): void {
    state.cancel()
    const target = [...this.#targets.all()].find((other) => other.state === state)
    if (target !== undefined) this.#vacate(target)
  }

  /** The socket is open, or never will be: the slot is free. */
  #vacate(target: Target): void {
    if (target.state.kind === 'dialing') target.state.deadline.cancel()
    const next = this.#slots.vacate(target.peerClass)
    if (next?.state.kind === 'queued') this.#start(next, null)
  }
}

/** The address that failed goes last, so that the next attempt takes another. */
function rotate(addresses: readonly Address[], failed: Address | null): readonly Address[] {
  if (failed === null || addresses.length < 2) return addresses
  const rest = addresses.filter((address) => address !== failed)
  return rest.length === addresses.length ? addresses : [...rest, failed]
}

/**
 * Our own attempts to reach peers: whom, when, and what follows. A slot is held only while a socket is opening, never while a
 * backoff runs; a trusted peer is never given up; and one success where there had been failure wakes everybody who waits.
 */
import type { Reason } from '../errors.js'
import { HoldfastError, reasonError } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import type { FailurePlan } from '../policy/dial.js'
import { answeredBy, checkDial, planAfterLoss } from '../policy/dial.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { DialerSetup } from './dialer-setup.js'
import { DialAttempts } from './dial-attempts.js'
import type { Target } from './dial-target.js'
import { clearStanding, connect, isListedAlone, isStable, postponeAddress, trust } from './dial-target.js'
import { DialTargets } from './dial-targets.js'
import { waitFor } from './dial-waiting.js'
import { failureOf, isAlarmAt, Recovery } from './recovery.js'
import { Wishes } from './wishes.js'

/** Parallel dials at once while most links are suspect: then it is rather we who are cut off. */
const SUSPECT_DIALS_MAX = 3
const SUSPECT_RETRY_MS = 3_000
/** With so many targets of any kind, strangers who only came to us are remembered no more. */
const GUESTS_MAX = 1_024

export class Dialer {
  readonly wishes: Wishes
  readonly #setup: DialerSetup
  readonly #targets = new DialTargets()
  readonly #recovery: Recovery
  readonly #attempts: DialAttempts

  constructor(setup: DialerSetup) {
    this.#setup = setup
    this.#attempts = new DialAttempts(setup, this.#fail.bind(this))
    this.#recovery = new Recovery(setup.agenda, setup.random, setup.healing.recoveryReset)
    this.wishes = new Wishes(setup, this.#targets, {
      start: this.#start.bind(this),
      dialIn: this.#dialIn.bind(this),
      beside: this.#dialSuspect.bind(this),
      cancel: this.#attempts.cancel.bind(this.#attempts),
      raise: this.#attempts.raise.bind(this.#attempts),
      forget: this.forget.bind(this),
    })
  }

  /** For whoever asks how things stand. */
  get targets(): Pick<DialTargets, 'all' | 'find' | 'findAddress'> {
    return this.#targets
  }

  /** Whether the network itself seems to be gone. */
  get isOffline(): boolean {
    return this.#recovery.offline.isOffline(this.#setup.linkCount())
  }

  /** Dials once, now, whatever the backoff says; joins an attempt under way. */
  async dial(address: Address, peerClass: PeerClass, signal?: AbortSignal): Promise<PeerId> {
    signal?.throwIfAborted()
    const { peerId, scheme } = address
    if (!this.#setup.transports.has(scheme)) throw new HoldfastError('no-transport', `no transport for ${scheme}:`)
    // Nothing is begun: a host that dials again wherever a dial has failed would never get out.
    if (peerId !== null && this.#setup.isBanned(peerId)) throw reasonError({ code: 'banned', fault: 'local' }, 'banned')
    const target = this.#targets.provide(peerId, peerClass, [address])
    target.isFelt = false
    if (target.peerId !== null && this.#setup.isConnected(target.peerId)) return target.peerId
    return waitFor(target, signal, {
      begin: () => {
        if (!this.#attempts.redirect(target, address)) this.#start(target, address)
      },
      abandon: (left) => {
        if (!left.kept) this.forget(left)
      },
    })
  }

  /** Calls off whatever is under way, and knows the target no more. */
  forget(target: Target): void {
    // First: a host that hears of whoever is dialled in its place may want it again.
    this.#targets.delete(target)
    this.#attempts.cancel(target)
    const { attempt } = target
    clearStanding(target)
    for (const waiter of [...target.waiters]) waiter.reject(new HoldfastError('closed', 'the dial was called off'))
    if (attempt?.kind !== 'handshaking') return
    // Taken first: what ends here has not failed, and is not tried again.
    this.#attempts.take(attempt.connection)
    attempt.connection.close('closed')
  }

  /** What was dialled is this peer's address, and nobody else's: the attempt goes on as one to reach the peer. */
  found(peerId: PeerId, connection: Connection): void {
    this.#attempts.move(connection, ({ target, address }) => this.#targets.merge(target, address, peerId))
  }

  /** A connection is greeted. @returns what follows once the peer has its place, since the host may hear of it, and end the link */
  reached(peerId: PeerId, connection: Connection): () => void {
    const dialled = this.#attempts.take(connection)
    const address = dialled?.address ?? null
    this.#recovery.offline.heard()
    // Listed by its address alone, which is not this peer's: it goes on being looked for there.
    const isElsewhere = dialled !== null && isListedAlone(dialled.target)
    const target = isElsewhere ? this.#targets.find(peerId) : this.#targets.merge(dialled?.target, address, peerId)
    const isNews = target !== null && this.#connected(target, peerId, address, connection)
    return () => {
      // Whoever else is there now, the one who was looked for has not been reached.
      if (dialled !== null && dialled.target.peerId !== peerId)
        this.#fail(dialled.target, address, answeredBy(peerId), true)
      if (isNews) this.#recover()
    }
  }

  /** A connection has ended: our dial has failed, where it was not greeted; or what was to replace a silent link is gone. */
  ended(connection: Connection, reason: Reason, judged: boolean): void {
    const dialled = this.#attempts.take(connection)
    const retryMs = Math.max(SUSPECT_RETRY_MS, reason.retryAfterMs ?? 0)
    if (dialled !== null) this.#fail(dialled.target, dialled.address, reason, judged)
    else if (this.#setup.isSuspect(connection.peerId)) this.suspected(connection.peerId, retryMs)
  }

  /** The peer's link is silent: it stays, and another is dialled beside it. */
  suspected(peerId: PeerId | null, delayMs = 0): void {
    const target = this.#targets.find(peerId)
    if (target?.standing.kind !== 'connected' || !target.kept) return
    if (isStable(target, this.#setup.agenda.now())) target.failures = target.inVain = 0
    target.standing = { kind: 'suspect', sinceAt: target.standing.sinceAt, retry: null }
    if (delayMs === 0) this.#dialSuspect(target)
    else this.#dialIn(target, delayMs)
  }

  /** The suspect link lives after all, or another took over: a parallel dial is called off. */
  cleared(peerId: PeerId | null): void {
    const target = this.#targets.find(peerId)
    if (target?.standing.kind !== 'suspect') return
    trust(target, target.standing)
    this.#attempts.cancel(target)
  }

  /** The last link to a peer is gone. */
  lost(peerId: PeerId, peerClass: PeerClass, reason: Reason): void {
    const { agenda, random, backoff, isPreferred, healing } = this.#setup
    // A peer that dialled us has no target yet; from now on it has a time before which nobody dials it, while those are not too many.
    const isGuest = this.#targets.find(peerId) === null && !isTrustedClass(peerClass)
    if (isGuest && this.#targets.size >= GUESTS_MAX) return
    const target = this.#targets.provide(peerId, peerClass, [])
    target.peerClass = peerClass
    // Let go on purpose: whoever wants it again asks again.
    const letGo = reason.code === 'useless' && reason.fault === 'local' && !isTrustedClass(peerClass)
    if (letGo) this.forget(target)
    if (letGo || target.standing.kind === 'backing-off' || target.standing.kind === 'cold') return
    const stable = isStable(target, agenda.now())
    clearStanding(target)
    if (target.attempt !== null) return
    const preferred = isPreferred(peerId)
    if (!preferred && !healing.bothSidesDial) return
    const { failures } = target
    const plan = planAfterLoss({ reason, peerClass, failures, stable, judged: false, preferred }, backoff, random)
    target.failures = plan.failures
    target.inVain = stable ? plan.failures : target.inVain + plan.failures - failures
    this.#follow(target, plan.next)
  }

  /** Forgets every target and cancels every attempt. */
  stop(): void {
    // First, or each that is called off would make room for one that waits.
    this.#attempts.clear()
    for (const target of [...this.#targets.all()]) {
      for (const waiter of [...target.waiters]) waiter.reject(new HoldfastError('not-running', 'the swarm was stopped'))
      this.forget(target)
    }
    this.#targets.end()
  }

  /** @returns whether others may be reached, too, that were not before */
  #connected(target: Target, peerId: PeerId, address: Address | null, connection: Connection): boolean {
    // A socket still opening is of no use now; one that is open already may be the link the other side keeps.
    this.#attempts.cancel(target)
    const { standing, failures, peerClass } = target
    connect(target, address, this.#setup.agenda.now())
    for (const waiter of [...target.waiters]) waiter.resolve(peerId)
    if (standing.kind === 'cold') this.#setup.maintenance().bridged(peerId, connection)
    return isTrustedClass(peerClass) && (this.#recovery.isBack() || failures > 0 || standing.kind === 'suspect')
  }

  #recover(): void {
    const resets = this.#recovery.reset(this.#targets.all(), () => {
      this.#recover()
    })
    if (resets === null) return
    for (const { target, delayMs } of resets) {
      this.#attempts.cancel(target)
      this.#dialIn(target, delayMs)
    }
  }

  #dialIn(target: Target, delayMs: number, isBridging = false): void {
    if (delayMs <= 0) {
      this.#start(target)
      return
    }
    const deadline = this.#setup.agenda.in(delayMs, () => {
      this.#due(target, isBridging)
    })
    if (target.standing.kind === 'suspect') {
      target.standing.retry?.cancel()
      target.standing = { ...target.standing, retry: deadline }
      return
    }
    clearStanding(target)
    target.standing = { kind: 'backing-off', deadline }
  }

  /** Its time has come. Trusted peers are always wanted, strangers while links are few. */
  #due(target: Target, isBridging: boolean): void {
    const { standing, kept, isSeed, peerClass } = target
    const wanted = standing.kind === 'suspect' || isSeed || (kept && isTrustedClass(peerClass))
    const need = wanted ? 'dial' : kept ? this.#setup.maintenance().need(target, isBridging) : 'forget'
    if (need === 'dial') this.#start(target)
    else this.#leave(target, need)
  }

  #leave(target: Target, need: 'cool' | 'forget'): void {
    if (need === 'cool') target.standing = { kind: 'cold', sinceAt: this.#setup.agenda.now() }
    else this.forget(target)
  }

  #dialSuspect(target: Target): void {
    const { linkCount, suspectCount } = this.#setup
    if (suspectCount() * 2 <= linkCount() || this.#targets.suspectDials < SUSPECT_DIALS_MAX) this.#start(target)
    else this.#dialIn(target, SUSPECT_RETRY_MS)
  }

  #start(target: Target, wanted: Address | null = null): void {
    // An event may have had it struck off, or ended all.
    if (!this.#targets.has(target)) return
    const { peerId, standing, isSeed, isListed } = target
    const { isConnected, isBanned, transports } = this.#setup
    const address = wanted ?? target.addresses.find(({ scheme }) => transports.has(scheme)) ?? null
    const refusal = checkDial({
      isConnected: standing.kind !== 'suspect' && peerId !== null && isConnected(peerId),
      isDialing: target.attempt !== null,
      isBanned: peerId !== null && isBanned(peerId),
      hasTransport: address !== null,
    })
    if (standing.kind === 'backing-off') {
      standing.deadline.cancel()
      target.standing = { kind: 'idle' }
    }
    if (refusal === 'already-connected') target.standing = { kind: 'connected', sinceAt: this.#setup.agenda.now() }
    if (refusal === 'banned') this.#fail(target, address, { code: 'banned', fault: 'local' }, true)
    if (refusal === 'no-transport') this.#outOfReach(target)
    if (refusal !== null || address === null) return
    const chosen = wanted !== null || isSeed || isListed ? address : this.#setup.maintenance().choose(target)
    if (typeof chosen === 'object') this.#attempts.start(target, chosen)
    else if (standing.kind === 'suspect' || isTrustedClass(target.peerClass)) this.#dialIn(target, SUSPECT_RETRY_MS)
    else this.#leave(target, chosen)
  }

  /** It can only come to us: whoever looks for it must be told so. A stranger is given up, like any that is not where others say. */
  #outOfReach(target: Target): void {
    const [elsewhere] = target.addresses
    const isListed = target.kept && (target.isNamed || isTrustedClass(target.peerClass))
    if (isListed && elsewhere !== undefined)
      this.#fail(target, elsewhere, { code: 'no-transport', fault: 'local', cause: elsewhere.scheme }, true)
    else if (!isListed && target.standing.kind === 'idle') this.#targets.giveUp(target, this.#setup.agenda.now())
  }

  #fail(target: Target, address: Address | null, reason: Reason, judged = false): void {
    // Whoever was called off, or found to be another's, fails no more; who is being dialled has not failed yet.
    if (target.attempt !== null || !this.#targets.has(target)) return
    const { backoff, linkCount, failed, alarmed } = this.#setup
    const where = address === null ? '' : formatAddress(address)
    const { failures } = target
    const next = this.#recovery.planFailure(target, { reason, judged, where, address, links: linkCount(), backoff })
    if (target.failures > failures) target.inVain++
    target.addresses = postponeAddress(target.addresses, address)
    const failure = failureOf(target, where, reason, next)
    for (const waiter of [...target.waiters]) waiter.reject(reasonError(reason, `dialing ${where} failed`))
    this.#follow(target, next)
    failed(failure)
    const isAlarming = next.kind === 'retry' && (next.alarm || isAlarmAt(backoff, target))
    if (isAlarming && !target.isAlarming) alarmed(failure)
    target.isAlarming = isAlarming
  }

  #follow(target: Target, next: FailurePlan['next']): void {
    // Its link was silent, and lives after all.
    if (target.standing.kind === 'connected') return
    if (next.kind === 'retry') this.#dialIn(target, Math.max(1, next.delayMs))
    else if (target.standing.kind === 'idle') {
      // Whoever is forgotten is remembered as that, or hearsay would have it dialled again at once.
      const isCold = (next.kind === 'cold' && target.kept) || target.isNamed
      const sinceAt = this.#setup.agenda.now()
      if (isCold) target.standing = { kind: 'cold', sinceAt }
      else this.#targets.giveUp(target, sinceAt)
    }
  }
}

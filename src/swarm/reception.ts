/**
 * Who comes in, once it is known who it is: bans, the host's own say, clocks, then a slot. Everybody who does not is told why.
 */
import type { Reason, WireCode } from '../errors.js'
import { HoldfastError } from '../errors.js'
import { addressKey, endpointText, formatAddress } from '../policy/address.js'
import type { Ban } from '../policy/ban.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Hello } from '../protocol/hello.js'
import type { Connection } from './connection.js'
import { callHost } from './host-call.js'
import type { CloseOptions } from './connection-owner.js'
import type { Settings } from './options.js'
import type { ClassLimits } from './profile.js'
import { PEER_CLASSES, windowBytesFor } from './profile.js'
import type { Roster } from './roster.js'
import type { Seating } from './seating.js'

export interface ReceptionSetup {
  readonly settings: Settings
  readonly roster: Roster
  readonly seating: Seating
  readonly failed: (error: HoldfastError) => void
  readonly clockSkew: (peerId: PeerId, skewMs: number) => void
}

export type Admission =
  | { readonly kind: 'admit'; readonly peerClass: PeerClass; readonly limits: ClassLimits }
  | { readonly kind: 'refuse'; readonly code: WireCode; readonly options: CloseOptions }

/** Tells a peer without a slot when to ask again. */
const RETRY_FULL_MS = 60_000
/** A trusted peer's clock may be this wrong: its delegation then only raises `clock:skew`. */
const TRUSTED_SKEW_MAX_MS = 31 * 86_400_000

export class Reception {
  readonly #setup: ReceptionSetup

  constructor(setup: ReceptionSetup) {
    this.#setup = setup
  }

  /** @param dialled the address of an outbound connection */
  receive(connection: Connection, peerId: PeerId, dialled: Address | null, skewMs: number): Admission {
    const { settings, roster, clockSkew } = this.#setup
    const now = settings.clock.monotonic()
    const listed = roster.classOf(peerId)
    const ban = this.#banOf(peerId, now)
    if (ban !== null) return refuseBanned(ban, now)
    // Somebody is looked for there, and not this one, who has been struck off, or whom the host refuses.
    if (dialled?.peerId === null && roster.isAlone(addressKey(dialled)))
      return refuse('not-allowed', roster.isOpenTo(dialled, peerId) ? {} : { text: 'listed for somebody else' })
    if (skewMs > (listed !== null ? TRUSTED_SKEW_MAX_MS : 0)) {
      return refuse('expired', { text: `our clock says ${String(settings.clock.wall())}` })
    }
    const peerClass = this.classOf(connection, peerId, dialled)
    if (peerClass === false) return refuse('not-allowed')
    // Others live behind the same address: a ban of it is no word against whom the host trusts.
    const ipBan = isTrustedClass(peerClass) ? null : settings.blacklist.check({ ip: this.#bannableIp(connection) }, now)
    if (ipBan !== null) return refuseBanned(ipBan, now)
    if (skewMs > 0) clockSkew(peerId, skewMs)
    const seat = this.#setup.seating.ask(connection, peerId, peerClass)
    if (seat === 'granted') return { kind: 'admit', peerClass, limits: settings.limits[peerClass] }
    if (seat === 'short') return refuse('busy', { retryAfterMs: RETRY_FULL_MS, text: 'no memory' })
    return refuse('too-many-peers', {
      retryAfterMs: RETRY_FULL_MS,
      ...(seat === 'network' ? { text: 'from this address' } : {}),
    })
  }

  /** It was let in, and kept its hello back: a ban has ended only the links there were. @returns false where this one ends, now or since */
  mayStay(connection: Connection, peerId: PeerId): boolean {
    const now = this.#setup.settings.clock.monotonic()
    const ban = this.#banOf(peerId, now)
    if (ban !== null) connection.close('banned', banOptions(ban, now))
    return ban === null && !connection.isEnding
  }

  /** Who is listed is spared. */
  #banOf(peerId: PeerId, now: number): Ban | null {
    const { settings, roster } = this.#setup
    return roster.classOf(peerId) === null ? settings.blacklist.check({ peerId }, now) : null
  }

  /** What this side says of itself to a peer of this class. */
  hello(limits: ClassLimits, epoch: Uint8Array, own: Pick<Hello, 'names' | 'addresses' | 'supersedes'>): Hello {
    const { protocol, agent, clock } = this.#setup.settings
    return {
      ...own,
      ...protocol,
      epoch,
      agent,
      wallMs: clock.wall(),
      limits: {
        messageBytesMax: limits.messageBytesMax,
        requestsMax: limits.requestsMax,
        windowBytes: windowBytesFor(limits),
      },
    }
  }

  /** Whether the host would have it at all. */
  isWelcome(connection: Connection, peerId: PeerId, dialled: Address | null): boolean {
    return this.#setup.settings.authorize === null || this.classOf(connection, peerId, dialled) !== false
  }

  /** The class it has by the operator's lists, its own merits and the host's say; false where the host refuses it. */
  classOf(connection: Connection, peerId: PeerId, dialled: Address | null): PeerClass | false {
    const { settings, roster } = this.#setup
    const address = dialled === null ? endpointText(connection.link.remote) : formatAddress(dialled)
    const own = roster.classOf(peerId) ?? settings.peerStore.classOf(peerId, settings.clock.monotonic())
    if (settings.authorize === null) return own
    try {
      const answer: unknown = settings.authorize({ peerId, direction: connection.direction, address })
      // It was to answer at once; what becomes of its promise is nobody's concern.
      callHost(() => answer, ignore)
      if (answer === false || PEER_CLASSES.includes(answer as PeerClass)) return answer as PeerClass | false
      throw new TypeError(`authorize must answer with a class or false, at once, and not with ${typeof answer}`)
    } catch (cause) {
      this.#setup.failed(new HoldfastError('handler-failed', 'authorize failed: the peer was refused', { cause }))
      return false
    }
  }

  #bannableIp({ direction, link }: Connection): string | null {
    return this.#setup.settings.perIpLimits && direction === 'inbound' ? (link.remote?.host ?? null) : null
  }
}

/** Found by us in a handshake: what no honest peer does by accident, nor because somebody told it our address as another transport's. */
export function handshakeViolation({ code, cause }: Reason): 'garbage' | 'bad-handshake' | 'protocol-error' | null {
  const isForeign = code === 'garbage' && cause !== undefined
  return !isForeign && (code === 'garbage' || code === 'bad-handshake' || code === 'protocol-error') ? code : null
}

/** Whoever came did not finish its handshake; neither side had said a reason. */
export function isAbandoned({ code, fault }: Reason): boolean {
  return fault !== 'remote' && (code === 'connection-lost' || code === 'timeout')
}

function refuseBanned(ban: Ban, now: number): Admission {
  return refuse('banned', banOptions(ban, now))
}

function banOptions({ untilAt, cause }: Ban, now: number): CloseOptions {
  return { text: cause, ...(untilAt === 'permanent' ? {} : { retryAfterMs: untilAt - now }) }
}

function refuse(code: WireCode, options: CloseOptions = {}): Admission {
  return { kind: 'refuse', code, options }
}

function ignore(): void {
  // The answer itself is judged, and is none.
}

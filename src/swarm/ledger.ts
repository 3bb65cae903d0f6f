/**
 * Who has used how much, by identity and, of strangers who come to us, by IP: whoever hangs up and calls again goes on where it
 * was, and a new name does not make an IP new. Every class has accounts of its own, so a peer that changes its class and back
 * finds what it left. An account is full again within two bursts' time: forgetting one that long unused gives nothing away.
 */
import { ipBucket, isLoopback } from '../policy/address.js'
import { BoundedMap } from '../policy/bounded-map.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import type { ClassLimits } from './profile.js'
import { Account, Quota } from './quota.js'

/** Accounts of identities, and as many of IPs; beyond, the one that was opened least recently is forgotten. */
const ACCOUNTS_MAX = 8_192
/** Strangers' quotas that one IPv4 address or IPv6 /64 has: several may stand behind it, but not any number. */
const SHARERS = 4

/** What is asked of a connection. */
export interface LedgerSubject {
  readonly identity: { readonly peerId: PeerId; readonly peerClass: PeerClass; readonly limits: ClassLimits }
  readonly direction: Direction
  /** Null where the transport has no addresses. */
  readonly remoteIp: string | null
}

export class Ledger {
  readonly #perIpLimits: boolean
  // Bound: ACCOUNTS_MAX each.
  readonly #byId = new BoundedMap<Account>(ACCOUNTS_MAX)
  readonly #byIp = new BoundedMap<Account>(ACCOUNTS_MAX)

  constructor(perIpLimits: boolean) {
    this.#perIpLimits = perIpLimits
  }

  /** Accounts held. */
  get size(): number {
    return this.#byId.size + this.#byIp.size
  }

  /** What a link of an admitted peer draws on. */
  open(subject: LedgerSubject): Quota {
    const { peerId, peerClass, limits } = subject.identity
    const ip = this.#countedIp(subject)
    return new Quota(
      account(this.#byId, `${peerClass} ${peerId}`, () => new Account(limits, 1)),
      ip === null ? null : account(this.#byIp, `${peerClass} ${ip}`, () => new Account(limits, SHARERS)),
    )
  }

  #countedIp({ identity: { peerClass }, direction, remoteIp }: LedgerSubject): string | null {
    if (isTrustedClass(peerClass) || direction === 'outbound') return null
    return !this.#perIpLimits || remoteIp === null || isLoopback(remoteIp) ? null : ipBucket(remoteIp)
  }
}

function account(accounts: BoundedMap<Account>, key: string, make: () => Account): Account {
  const known = accounts.use(key)
  if (known !== undefined) return known
  const made = make()
  accounts.set(key, made)
  return made
}

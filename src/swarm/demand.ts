/** How many links to strangers are missing, and how many links of any kind are of use. */
import { isTrustedClass } from '../policy/peer-class.js'
import type { Connections } from './connections.js'
import type { Dialer } from './dialer.js'
import type { Peer } from './peer.js'

export class Demand {
  readonly #connections: Connections<Peer>
  readonly #dialer: Dialer
  readonly #target: number

  /** @param target common links that this node seeks itself */
  constructor(connections: Connections<Peer>, dialer: Dialer, target: number) {
    this.#target = target
    this.#connections = connections
    this.#dialer = dialer
  }

  /** Common links of ours that are missing, counting those under way; negative where there are more than enough. */
  wanted(): number {
    let have = 0
    for (const { direction, identity, vitals } of this.#connections.currents())
      if (
        direction === 'outbound' &&
        identity !== null &&
        !isTrustedClass(identity.peerClass) &&
        vitals?.suspect === false
      )
        have++
    for (const { attempt, peerClass } of this.#dialer.targets.all())
      if (attempt !== null && !isTrustedClass(peerClass)) have++
    return this.#target - have
  }

  /** Links that are not suspect. */
  usable(): number {
    let usable = 0
    for (const { vitals } of this.#connections.currents()) if (vitals?.suspect === false) usable++
    return usable
  }
}

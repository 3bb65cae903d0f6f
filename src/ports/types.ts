/** The nouns every layer shares. Types only. */

declare const peerIdBrand: unique symbol

/** A peer's identity, proven by the handshake: its Ed25519 public key as 55 characters of lower-case base32, checksum included. */
export type PeerId = string & { readonly [peerIdBrand]: true }

/**
 * How much a peer is trusted, and so what it may cost us. *masternode*: on the operator's whitelist. *persistent*:
 * configured, must stay connected. *regular*: has been linked without a penalty for ten minutes. *unknown*: everyone else.
 */
export type PeerClass = 'masternode' | 'persistent' | 'regular' | 'unknown'

/** Who opened a link, seen from this side. */
export type Direction = 'inbound' | 'outbound'

/** An address taken apart. `peerId` is who must answer there, or null where anybody may. */
export interface Address {
  /** `tcp`, `ws`, `wss`, `memory`, … : which transport reaches it. */
  readonly scheme: string
  readonly peerId: PeerId | null
  /** A host name or an IP address, IPv6 without its brackets. */
  readonly host: string
  /** 0 only in a listen address, where it means any free port. */
  readonly port: number
  /** For WebSocket; `/` where the address has none. */
  readonly path: string
}

/** Whom the operator trusts: those it lists, as masternodes or as peers to keep. */
import type { PeerClass } from '../ports/types.js'

export function isTrustedClass(peerClass: PeerClass): peerClass is 'masternode' | 'persistent' {
  return peerClass === 'masternode' || peerClass === 'persistent'
}

/** Whether whoever is at the other end of a connection is trusted; before it has shown who it is, nobody is. */
export function isTrusted({ identity }: { readonly identity: { readonly peerClass: PeerClass } | null }): boolean {
  return identity !== null && isTrustedClass(identity.peerClass)
}

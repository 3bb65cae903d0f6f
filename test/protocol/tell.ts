/** Peers as they are told: the addresses encoded. */
import type { PeerHint, PeerTelling } from '../../src/protocol/peers.js'
import { encodeAddresses } from '../../src/protocol/peers.js'

export const tell = (hints: readonly PeerHint[]): PeerTelling[] =>
  hints.map((hint) => ({ ...hint, addresses: encodeAddresses(hint.addresses) }))

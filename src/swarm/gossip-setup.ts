/** What gossip is given. Types only. */
import type { DedupCache } from '../policy/dedup.js'
import type { Crypto } from '../ports/crypto.js'
import type { Connection } from './connection.js'
import type { JudgeSetup } from './judge.js'
import type { Peer } from './peer.js'
import type { PropagationSetup } from './propagation.js'

export interface GossipSetup extends PropagationSetup, Pick<JudgeSetup, 'running' | 'agenda' | 'strike' | 'failed'> {
  readonly crypto: Crypto
  readonly dedup: DedupCache
  /** Decides where ids are looked up. */
  readonly seed: number
  /** Whether the sender's quota has room for a broadcast that is new; takes it. */
  readonly mayPass: (connection: Connection) => boolean
  readonly peerOf: (connection: Connection) => Peer | null
}

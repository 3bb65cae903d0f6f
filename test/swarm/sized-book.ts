import { PeerStore } from '../../src/policy/peer-store.js'

/** A book that is as large as a test says. */
export class SizedBook extends PeerStore {
  peers = 0

  override get size(): number {
    return this.peers
  }
}

/**
 * What a host needs to test its own parts: the contract every transport must keep, and a network of real swarms in virtual
 * time, in which an hour of faults takes seconds and a failure is a seed.
 *
 * @module
 */
export type { ContractCase, ContractHarness } from './transport-contract.js'
export { transportContract } from './transport-contract.js'
export type { Aead, Crypto, DhKeyPair, SigningKeyPair } from '../ports/crypto.js'
export type { Deadline } from '../policy/due-heap.js'
export type { Environment } from '../swarm/options.js'
export type { Swarm } from '../swarm/swarm.js'
export { nullCrypto } from './null-crypto.js'
export { SeededRandom } from './seeded-random.js'
export type { SimClockOptions } from './sim-clock.js'
export { SimClock, SimTime } from './sim-clock.js'
export type { SimHost, SimMedium } from './sim-host.js'
export type { SimNetworkOptions } from './sim-network.js'
export { SimNetwork } from './sim-network.js'
export type { SimEnd, SimPipe } from './sim-pipe.js'
export type { KillOptions, SwarmLabOptions } from './swarm-lab.js'
export { SwarmLab, swarmLab } from './swarm-lab.js'
export { Trace } from './trace.js'
export type { WrittenIp } from './arbitraries.js'
export { addresses, backoffOptions, clockSteps, HOSTILE_IDS, peerClasses, peerIds, writtenIps } from './arbitraries.js'
export { InvariantError } from './invariants.js'
export type { DedupModelOptions, DedupUnderTest } from './models/dedup-model.js'
export { dedupModel } from './models/dedup-model.js'
export type { Any, FastCheck, ModelProperty } from './models/sequence.js'
export { backoffModel } from './models/backoff-model.js'
export type { BlacklistUnderTest } from './models/blacklist-model.js'
export { blacklistModel } from './models/blacklist-model.js'
export type { BlacklistModelOptions } from './models/naive-blacklist.js'

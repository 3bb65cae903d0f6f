/**
 * holdfast: the networking core of a masternode.
 *
 * A *swarm* keeps a node attached to its peers; a *message* is what they say. Everything else is how:
 *
 * - `ports/` is what holdfast asks of the world, as types: a transport, a clock, randomness, cryptography.
 * - `policy/` decides: how long to wait, whom to admit, which of two links stays, who is banned. Pure; no timers, no I/O.
 * - `protocol/` turns bytes into messages and back, from the first preamble to the last goodbye. Pure as well.
 * - `swarm/` carries the answers to the links, and owns every deadline.
 * - `transports/` reach other machines; `runtime/` holds the only real clock, timer and randomness in the house.
 *
 * Three journeys explain the rest. *A frame comes in:* transport, connection, traffic, your handler, in one synchronous
 * stack. *A broadcast goes out:* swarm, gossip (encoded once), each connection's outbox, link. *A link is lost:* link,
 * connection, membership, dialer, and a deadline; when it is due, the dialer asks a transport, and the new link enters by the
 * same door as every other.
 *
 * Deliberately not here: routing, consensus, storage of messages for absent peers, and any notion of what a block is.
 *
 * @module
 */
import { crypto } from '#crypto'
import { systemClock, systemRandom } from './runtime/system.js'
import type { Identity } from './swarm/identity.js'
import { identityFromSeed } from './swarm/identity.js'
import type { SwarmOptions } from './swarm/options.js'
import { Swarm as SwarmOf } from './swarm/swarm.js'

/** A node: its peers, its messages, its events, on the system's clock and cryptography. */
export class Swarm extends SwarmOf {
  /** @throws HoldfastError `invalid-option`, `invalid-address`, `invalid-peer-id`: which field, what was given, what is allowed */
  constructor(options: SwarmOptions) {
    super(options, { crypto, clock: systemClock, random: systemRandom })
  }
}

/**
 * An identity whose key lives in this process.
 * @param seed 32 secret bytes: the same seed is the same identity, for ever. Default: random, so a new identity each time
 * @throws HoldfastError `invalid-option` for a seed of another length
 */
export function createIdentity(seed: Uint8Array = systemRandom.bytes(32)): Identity {
  return identityFromSeed(seed, crypto)
}

export type { ErrorCode, Fault, LocalCode, Reason, ReasonCode, WireCode } from './errors.js'
export { HoldfastError } from './errors.js'
export type { Identity } from './swarm/identity.js'
export { direct, message, request } from './protocol/message.js'

/**
 * holdfast: the networking core of a masternode.
 *
 * A *swarm* keeps a node attached to its peers; a *message* is what they say. Everything else is how:
 *
 * - `ports/` is what holdfast asks of the world, as types: a transport, a clock, randomness, cryptography.
 * - `policy/` decides: how long to wait, whom to admit, which of two links stays, who is banned. Pure; no timers, no I/O.
 * - `protocol/` turns bytes into messages and back, from the first preamble to the last goodbye. Pure as well.
 * - `swarm/` carries the answers to the links, and owns every deadline.
 * - `kit/` is for hosts that want it: verification in other threads.
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
import type { PeerId } from './ports/types.js'
import { parsePeerId } from './protocol/peer-id.js'
import { systemClock, systemRandom } from './runtime/system.js'
import type { Identity } from './swarm/identity.js'
import { identityFromSeed } from './swarm/identity.js'
import type { SwarmOptions } from './swarm/options.js'
import { Swarm as SwarmOf } from './swarm/swarm.js'

/** A node: its peers, its messages, its events, on the system's clock and cryptography. */
export class Swarm extends SwarmOf {
  /** @throws HoldfastError `invalid-option`, `invalid-address`, `invalid-peer-id`: which field, what was given, what is allowed */
  constructor(options: SwarmOptions) {
    super(options, {
      crypto,
      clock: systemClock,
      random: systemRandom,
      seed: Math.floor(systemRandom.float() * 2 ** 32),
    })
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

/**
 * A peer id, from the text of a configuration or a command.
 * @throws HoldfastError `invalid-peer-id` for what is none, or mistyped
 */
export function peerIdOf(text: string): PeerId {
  parsePeerId(text, crypto)
  return text as PeerId
}

export type { ErrorCode, Fault, LocalCode, Reason, ReasonCode, WireCode } from './errors.js'
export { HoldfastError } from './errors.js'
export type { Logger } from './observe/log.js'
export type { Backoff, BackoffDecision, BackoffFunction, BackoffOptions, BackoffRule } from './policy/backoff.js'
export { BackoffPolicy } from './policy/backoff.js'
export type { Ban } from './policy/ban.js'
export type { BlacklistOptions, BlacklistSnapshot, Offender, StrikeAnswer } from './policy/blacklist.js'
export { AddressPins } from './policy/address-pins.js'
export type { AddressPin, PinGrade } from './policy/address-pins.js'
export { Blacklist } from './policy/blacklist.js'
export type { DedupBegin, DedupOptions, DedupState } from './policy/dedup.js'
export { DedupCache } from './policy/dedup.js'
export type { MemoryStatus } from './policy/memory.js'
export type { PeerRecord, PeerSource } from './policy/peer-record.js'
export type { PeerStoreOptions } from './policy/peer-store.js'
export { PeerStore } from './policy/peer-store.js'
export type { RateLimitOptions } from './policy/rate-limit.js'
export { TokenBucket } from './policy/rate-limit.js'
export type { Clock, Random } from './ports/clock.js'
export type { DialEvents, Endpoint, Link, LinkEvents, Listener, ListenEvents, Transport } from './ports/transport.js'
export type { Address, Direction, PeerClass, PeerId } from './ports/types.js'
export type { Codec } from './protocol/codec.js'
export type { NameKind, VersionRange } from './protocol/hello.js'
export type {
  Definition,
  DirectDefinition,
  DirectOptions,
  MessageDefinition,
  MessageOptions,
  PayloadFormat,
  PayloadOptions,
  Priority,
  RequestDefinition,
  RequestOptions,
} from './protocol/message.js'
export { direct, message, request } from './protocol/message.js'
export type { Explanation, PeerState } from './swarm/explanation.js'
export type { Healing } from './swarm/healing.js'
export type { Decision } from './swarm/journal.js'
export type { Score } from './policy/score.js'
export type {
  BanNotice,
  DialFailure,
  InboundRefusal,
  PartitionHealed,
  PartitionNotice,
  QuarantineNotice,
  RecoveredGap,
  SwarmEventName,
  SwarmEvents,
  SwarmListener,
} from './swarm/events.js'
export type { BroadcastResult } from './swarm/fan-out.js'
export type { HandlerContext } from './swarm/handler-call.js'
export type { Identity } from './swarm/identity.js'
export type { AuthorizeQuestion, SwarmOptions } from './swarm/options.js'
export type { AskOptions, Peer } from './swarm/peer.js'
export type { ClassLimits, Preset } from './swarm/profile.js'
export type { DirectHandler, MessageHandler, RequestHandler, Verdict } from './swarm/registry.js'
export type { PeerStatus, SwarmStatus } from './swarm/status.js'
export type { Masternodes, RemoveOptions } from './swarm/masternodes.js'
export type { BanOptions, BroadcastOptions, SignalOptions } from './swarm/swarm.js'
export type { StopOptions } from './swarm/lifecycle.js'
export type { LoadAnswer, SaveAnswer, Storage } from './ports/storage.js'
export type { DirectoryAnswer, TrustedDirectory } from './ports/discovery.js'
export type { SlotOptions } from './policy/slots.js'
export type { PropagationMode } from './policy/propagation.js'

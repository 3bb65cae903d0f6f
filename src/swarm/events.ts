/**
 * What a swarm tells its host, and how: every listener runs whatever the others did. One that throws or rejects becomes an
 * `error` event, with fault local; an `error` nobody listens to is only logged, and can never end the process.
 */
import { EventEmitter } from 'eventemitter3'
import type { Reason } from '../errors.js'
import { HoldfastError, invalidOption } from '../errors.js'
import type { PeerId } from '../ports/types.js'
import type { Peer } from './peer.js'

/** An attempt of ours that came to nothing. */
export interface DialFailure {
  /** Null where the address names nobody. */
  readonly peerId: PeerId | null
  readonly address: string
  readonly reason: Reason
  /** How many times in a row, this one included. */
  readonly attempt: number
  /** When the next attempt is due; null where there will be none of ours. */
  readonly retryInMs: number | null
}

/** A link of somebody else's that we did not take. */
export interface InboundRefusal {
  /** Null where it came to nothing before an identity was proven. */
  readonly peerId: PeerId | null
  /** Host and port of the far end, or null where the transport has none. */
  readonly address: string | null
  readonly reason: Reason
}

/** Somebody was banned. */
export interface BanNotice {
  /** What is banned: a peer id, an IP address or a prefix. */
  readonly key: string
  readonly cause: string
  /** `Number.MAX_SAFE_INTEGER` for good. */
  readonly forMs: number
}

/** A trusted peer broke the rules: its messages are dropped for a while, its link stays. Somebody should look. */
export interface QuarantineNotice {
  readonly peerId: PeerId
  readonly cause: string
  readonly forMs: number
}

/** Messages may have passed us by: ask this peer for what we missed. */
export interface RecoveredGap {
  readonly peerId: PeerId
  /** `shed`: it dropped gossip meant for us. `replaced`: a link of it was silent, or broke, and it goes on by another. `returned`: it was away. */
  readonly cause: 'shed' | 'replaced' | 'returned'
  /** How long nothing was heard of it; 0 where that is not known. */
  readonly gapMs: number
}

/** The whitelist has come apart. */
export interface PartitionNotice {
  /** Who cannot be reached. */
  readonly missing: readonly PeerId[]
  /** How many are listed by id, or by an address where one was found; this node not among them. */
  readonly listed: number
}

/** The whitelist is whole again, but for one straggler at most. */
export interface PartitionHealed {
  /** Who was missing. */
  readonly missing: readonly PeerId[]
  readonly forMs: number
}

/** Every event, with what it carries. */
export interface SwarmEvents {
  listening: [address: string]
  'peer:connect': [peer: Peer]
  'peer:disconnect': [peer: Peer, reason: Reason]
  'peer:suspect': [peer: Peer]
  'peer:slow': [peer: Peer]
  'peer:conflict': [peerId: PeerId]
  'peer:quarantine': [notice: QuarantineNotice]
  'dial:failed': [failure: DialFailure]
  'inbound:refused': [refusal: InboundRefusal]
  ban: [notice: BanNotice]
  'partition:suspected': [partition: PartitionNotice]
  'partition:healed': [healed: PartitionHealed]
  recovered: [gap: RecoveredGap]
  'clock:skew': [skew: { readonly peerId: PeerId; readonly skewMs: number }]
  error: [error: HoldfastError]
}

const NAMES: Readonly<Record<keyof SwarmEvents, true>> = {
  listening: true,
  'peer:connect': true,
  'peer:disconnect': true,
  'peer:suspect': true,
  'peer:slow': true,
  'peer:conflict': true,
  'peer:quarantine': true,
  'dial:failed': true,
  'inbound:refused': true,
  ban: true,
  'partition:suspected': true,
  'partition:healed': true,
  recovered: true,
  'clock:skew': true,
  error: true,
}

/** The name of an event. */
export type SwarmEventName = keyof SwarmEvents
/** What listens to an event. One that throws or rejects becomes an `error` event. */
export type SwarmListener<K extends SwarmEventName> = (...args: SwarmEvents[K]) => unknown

/** A listener list per event. Bound: what the host registers. */
export class SwarmEmitter {
  readonly #emitter = new EventEmitter<Record<SwarmEventName, unknown[]>>()
  readonly #unheard: (error: HoldfastError) => void
  // Bound: the host's own waits.
  readonly #endings = new Set<() => void>()
  #isOver = false

  /** @param unheard told of an error that nobody listens to */
  constructor(unheard: (error: HoldfastError) => void) {
    this.#unheard = unheard
  }

  /** @throws HoldfastError `invalid-option`: who misspells `partition:suspected` would never hear of one */
  on<K extends SwarmEventName>(name: K, listener: SwarmListener<K>): void {
    if (!Object.hasOwn(NAMES, name)) throw invalidOption('event', name, `one of ${Object.keys(NAMES).join(', ')}`)
    if (typeof listener !== 'function') throw invalidOption(`the listener to ${name}`, listener, 'a function')
    this.#emitter.on(name, listener as (...args: unknown[]) => void)
  }

  off<K extends SwarmEventName>(name: K, listener: SwarmListener<K>): void {
    this.#emitter.off(name, listener as (...args: unknown[]) => void)
  }

  /** Whether there will be no more events. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Calls back when there will be no more events. @returns takes it back */
  whenOver(run: () => void): () => void {
    this.#endings.add(run)
    return () => {
      this.#endings.delete(run)
    }
  }

  /** The swarm has stopped: whoever waits for an event waits in vain. */
  end(): void {
    this.#isOver = true
    for (const run of [...this.#endings]) run()
    this.#endings.clear()
  }

  emit<K extends SwarmEventName>(name: K, ...args: SwarmEvents[K]): void {
    if (this.#isOver) return
    const listeners = this.#emitter.listeners(name)
    for (const listener of listeners) this.#call(name, listener, args)
    if (name === 'error' && listeners.length === 0) this.#unheard(args[0] as HoldfastError)
  }

  #call(name: SwarmEventName, listener: (...args: unknown[]) => unknown, args: readonly unknown[]): void {
    try {
      const answer = listener(...args)
      if (answer instanceof Promise)
        answer.catch((error: unknown) => {
          this.#failed(name, error)
        })
    } catch (error) {
      this.#failed(name, error)
    }
  }

  #failed(name: SwarmEventName, cause: unknown): void {
    const error = new HoldfastError('listener-failed', `a listener of ${name} failed`, { cause })
    // A failing error listener must not be told of itself without end.
    if (name === 'error') this.#unheard(error)
    else this.emit('error', error)
  }
}

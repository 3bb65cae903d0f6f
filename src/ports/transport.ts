/**
 * What holdfast asks of a transport: an ordered, reliable byte pipe, called a link. Boundaries mean nothing: bytes may be
 * merged and split anywhere. Callbacks, not promises, so that a simulation of it is exact. `transportContract` in
 * `holdfast/testing` checks every sentence below on any implementation.
 */
import type { Reason } from '../errors.js'
import type { Address } from './types.js'

/** The far end of a link as the network sees it. IPv4 peers of a dual-stack listener appear as IPv4. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What a link tells its owner. After `closed` nothing more is called. No call is made from within a call of the owner's. */
export interface LinkEvents {
  /** Bytes arrived. They may be overwritten after the call returns: keep a copy, not the view. */
  data(bytes: Uint8Array): void
  /** A write had returned false; the queue has emptied. */
  drained(): void
  /** The other side sends no more. Writing is still possible until we end, too. */
  ended(): void
  /**
   * The link is gone: exactly once. `closed` when both sides had ended, `aborted` when we destroyed it, and
   * `connection-lost` for everything that broke it.
   */
  closed(reason: Reason): void
}

/** One open link. Nothing is read until `open`; bytes that arrive earlier wait in the transport, within its own bound. */
export interface Link {
  /** Null where the transport has no addresses of its own. */
  readonly remote: Endpoint | null
  /** Starts delivery to `events`. Called exactly once, by the link's one owner. */
  open(events: LinkEvents): void
  /**
   * Sends the chunks as one run of bytes, in order. The link reads them later: they must not change any more.
   * After `end`, `destroy` or `closed` the bytes are dropped.
   * @returns false when the link is saturated: the bytes were taken, and `drained` follows
   */
  write(chunks: readonly Uint8Array[]): boolean
  /** Sends what was written, then says that no more comes. Reading goes on. */
  end(): void
  /** Closes at once; what was written may be lost. `closed` follows with `aborted`, unless it had happened already. */
  destroy(): void
}

/** What a dial ends in: exactly one of these, or neither when it was cancelled first. */
export interface DialEvents {
  opened(link: Link): void
  failed(reason: Reason): void
}

/** What a listener tells. `listening` or `failed` first; `failed` later on means that the listener broke and is gone. */
export interface ListenEvents {
  /** `port` is the real one, also where any free port was asked for. */
  listening(bound: { readonly host: string; readonly port: number }): void
  accepted(link: Link): void
  /** Somebody was turned away before there was a link to them, by a rule of the transport's own. Absent where nobody wants to know. */
  refused?(remote: Endpoint, reason: Reason): void
  failed(reason: Reason): void
}

/** An open listener. */
export interface Listener {
  /** Accepts no more; links that are open stay open. `done` is called once the address is free again. */
  close(done: () => void): void
}

/** A way to reach peers. Holds no state that outlives its links and listeners. */
export interface Transport {
  /** The address schemes it serves, such as `['ws', 'wss']`. */
  readonly schemes: readonly string[]
  /**
   * Opens a link. Host names are resolved at each call. Has no deadline of its own: the caller cancels.
   * @param isTold whether nobody but strangers vouches for the address: its name must be resolved at nobody else's expense. Default false
   * @returns cancel: closes whatever was under way; no event follows. After an event it does nothing
   */
  dial(address: Address, events: DialEvents, isTold?: boolean): () => void
  /** Absent where a transport can only dial, as in browsers. */
  listen?(address: Address, events: ListenEvents): Listener
}

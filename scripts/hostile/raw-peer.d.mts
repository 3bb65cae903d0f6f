/** What tests ask of the raw speaker. */
import type { EventEmitter } from 'node:events'
import type { Socket, TcpNetConnectOpts } from 'node:net'
import type { Cipher, KeyPair } from './raw-peer-crypto.mjs'
import type { HelloRead, HelloSaid } from './raw-peer-wire.mjs'

export type Flight = 'preamble' | 'first' | 'second' | 'third' | 'hello'

/** What is not given is drawn anew, and genuine. */
export interface RawOptions {
  /** Eight bytes; default `TIME` without a chain. */
  readonly networkId?: Uint8Array
  /** Ed25519. */
  readonly identity?: KeyPair
  /** X25519, the process's static key. */
  readonly fixed?: KeyPair
  readonly ephemeral?: KeyPair
  readonly delegation?: Uint8Array
  /** Of the preamble: an initiator's highest and lowest, a responder's choice and its status. */
  readonly versions?: readonly [number, number]
  readonly hello?: HelloSaid
  /** Sees the bytes of each flight as they would leave; null sends nothing. */
  readonly tamper?: (flight: Flight, bytes: Buffer) => Buffer | null
  /** Whether it answers pings and gives credit back; default true. */
  readonly polite?: boolean
  /** Writes so many bytes at a time. */
  readonly pieces?: number
}

export interface Said {
  readonly where: 'preamble' | 'clear' | 'goodbye'
  readonly code: string
  readonly retryAfterS: number
  readonly text: string
}

export interface Frame {
  readonly type: number
  readonly body: Buffer
}

export class RawPeer extends EventEmitter<{ frame: [Frame]; record: [Buffer]; said: [Said]; closed: [Said | null] }> {
  readonly socket: Socket
  readonly identity: KeyPair
  readonly fixed: KeyPair
  readonly networkId: Uint8Array
  readonly id: string
  readonly sent: Partial<Record<Flight, Buffer>>
  readonly received: Partial<Record<Flight, Buffer>>
  readonly remoteKey: Buffer | null
  readonly remoteHello: HelloRead | null
  readonly said: Said | null
  readonly fault: Error | null
  readonly credit: number
  readonly cipher: Cipher | null
  readonly ready: Promise<HelloRead>
  readonly closed: Promise<Said | null>
  static dial(where: TcpNetConnectOpts, options?: RawOptions): RawPeer
  raw(bytes: Uint8Array): boolean
  record(plain: Uint8Array): boolean
  sendAll(frames: readonly Frame[]): boolean
  send(type: number, body?: Uint8Array): boolean
  typeOf(kind: string, name: string): number
  broadcast(name: string, payload: Uint8Array): Frame
  request(id: number, name: string, payload: Uint8Array): Frame
  leave(code?: number): void
  destroy(): void
}

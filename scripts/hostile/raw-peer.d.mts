/** What tests ask of the raw speaker. */
import type { EventEmitter } from 'node:events'
import type { ListenOptions, Socket, TcpNetConnectOpts } from 'node:net'
import type { Cipher, KeyPair } from './raw-peer-crypto.mjs'
import type { HelloRead, HelloSaid } from './raw-peer-wire.mjs'

export type Flight = 'preamble' | 'first' | 'second' | 'third' | 'hello'

export interface RawOptions {
  readonly networkId?: Uint8Array
  readonly identity?: KeyPair
  readonly fixed?: KeyPair
  readonly ephemeral?: KeyPair
  readonly delegation?: Uint8Array
  readonly versions?: readonly [number, number]
  readonly hello?: HelloSaid
  readonly tamper?: (flight: Flight, bytes: Buffer) => Buffer | null
  readonly polite?: boolean
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

export function listenRaw(
  where: ListenOptions,
  options: RawOptions,
  told: (peer: RawPeer) => void,
): Promise<{ readonly port: number; readonly close: () => void }>

/** What tests ask of the bytes. */
import type { KeyPair } from './raw-peer-crypto.mjs'

export interface Name {
  readonly kind: string
  readonly name: string
}

export interface HelloSaid {
  readonly epoch?: Uint8Array
  readonly version?: readonly [number, number]
  readonly names?: readonly Name[]
  /** The largest message taken, requests answered at once, the first credit. */
  readonly limits?: readonly [number, number, number]
}

export interface HelloRead {
  readonly agent: string
  readonly version: readonly number[]
  readonly names: readonly Name[]
  readonly messageBytesMax: number
  readonly requestsMax: number
  readonly windowBytes: number
}

export const FRAME: {
  readonly goodbye: 2
  readonly ping: 3
  readonly pong: 4
  readonly request: 9
  readonly response: 10
  readonly failure: 11
  readonly window: 17
  readonly fragment: 19
  readonly firstApplication: 64
}

export function networkIdOf(magic: string, chain?: Uint8Array): Buffer
export function peerIdOf(publicKey: Uint8Array): string
export function varint(value: number): Buffer
export function plainPayload(bytes: Uint8Array): Buffer
export function delegation(words: {
  readonly identity: KeyPair
  readonly staticKey: Uint8Array
  readonly networkId: Uint8Array
  readonly notAfterS?: number
  readonly claimed?: Uint8Array
}): Buffer

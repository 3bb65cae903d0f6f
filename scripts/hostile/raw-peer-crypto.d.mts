/** What tests ask of the suite. */
import type { KeyObject } from 'node:crypto'

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: Buffer
}

export class Cipher {
  nonce: number
}

export function keyPair(curve: 'X25519' | 'Ed25519', secret?: Uint8Array): KeyPair

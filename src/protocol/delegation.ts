/**
 * An identity never meets the network: it signs, once a day, which static key speaks for it, and until when. So it can stay
 * in a signer or HSM. Format (103 bytes): 01 ‖ identity key 32 ‖ not-after, u48 seconds ‖ Ed25519 signature 64.
 */
import type { Crypto } from '../ports/crypto.js'
import { copyBytes, joinBytes, readUint, uintBytes, utf8 } from './bytes.js'

const DELEGATION_BYTES = 103
/** A delegation made now lives this long, and is renewed daily. */
export const DELEGATION_LIFE_MS: number = 7 * 86_400_000
/** How far two honest clocks may be apart. */
const CLOCK_SKEW_MAX_MS = 86_400_000
/** No delegation may reach further ahead than this. */
const AHEAD_MAX_MS = 31 * 86_400_000

const VERSION = 1
const CONTEXT = utf8('holdfast static key v1\0')

/** The bytes that an identity signs. */
export function delegationMessage(networkId: Uint8Array, staticKey: Uint8Array, notAfterS: number): Uint8Array {
  return joinBytes([CONTEXT, networkId, staticKey, uintBytes(notAfterS, 6)])
}

export function encodeDelegation(publicKey: Uint8Array, notAfterS: number, signature: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.of(VERSION), publicKey, uintBytes(notAfterS, 6), signature])
}

export type DelegationCheck =
  /** `skewMs` is how far the expiry lies outside what is allowed: 0 when all is well, else the caller decides by trust. */
  { readonly kind: 'genuine'; readonly publicKey: Uint8Array; readonly skewMs: number } | { readonly kind: 'forged' }

/** Whether the identity named in the delegation signed this static key for this network. Format first, then key and signature, then time. */
export function checkDelegation(
  delegation: Uint8Array,
  staticKey: Uint8Array,
  networkId: Uint8Array,
  wallMs: number,
  crypto: Crypto,
): DelegationCheck {
  if (delegation.length !== DELEGATION_BYTES || delegation[0] !== VERSION) return { kind: 'forged' }
  const publicKey = copyBytes(delegation, 1, 33)
  const notAfterS = readUint(delegation.subarray(33, 39))
  const message = delegationMessage(networkId, staticKey, notAfterS)
  if (!crypto.verify(publicKey, message, delegation.subarray(39))) return { kind: 'forged' }
  const aheadMs = notAfterS * 1000 - wallMs
  const skewMs = Math.max(0, -aheadMs - CLOCK_SKEW_MAX_MS, aheadMs - AHEAD_MAX_MS)
  return { kind: 'genuine', publicKey, skewMs }
}

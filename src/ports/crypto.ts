/**
 * The primitives of one suite: X25519, Ed25519, ChaCha20-Poly1305, SHA-256. All synchronous, so that a session is a plain
 * state machine. Types only; the package's `#crypto` picks the implementation (`runtime/crypto-node`, `runtime/crypto-web`).
 */

/** One ChaCha20-Poly1305 key. The nonce is Noise's: four zero bytes, then `nonce` as 64 bits, little-endian. */
export interface Aead {
  /** Seals the parts as one plaintext. @returns ciphertext and 16-byte tag, as chunks that belong together in order */
  seal(nonce: number, associated: Uint8Array, parts: readonly Uint8Array[]): readonly Uint8Array[]
  /** Opens ciphertext ‖ tag. @returns the plaintext in memory of its own, or null if the tag does not hold */
  open(nonce: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null
}

/** An X25519 key pair that keeps its secret to itself. */
export interface DhKeyPair {
  readonly publicKey: Uint8Array
  /** @returns the 32 shared bytes, or null where they are all zero (a small-order public key) */
  agree(publicKey: Uint8Array): Uint8Array | null
}

/** An Ed25519 key pair that keeps its secret to itself. */
export interface SigningKeyPair {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** The suite. Lengths are the caller's duty, except where null or false is the answer. */
export interface Crypto {
  sha256(parts: readonly Uint8Array[]): Uint8Array
  /** The same 32 bytes as text, a character for each: to be compared and looked up, where memory of its own would cost the most. */
  sha256Key(parts: readonly Uint8Array[]): string
  /** HKDF-SHA-256 (RFC 5869). With empty `info` and 64 bytes it is Noise's two-output HKDF. */
  hkdf(salt: Uint8Array, input: Uint8Array, info: Uint8Array, length: number): Uint8Array
  /** The X25519 pair of a 32-byte secret. */
  dhKeyPair(secret: Uint8Array): DhKeyPair
  /** The Ed25519 pair of a 32-byte seed. */
  signingKeyPair(seed: Uint8Array): SigningKeyPair
  /**
   * Strict verification: false for a public key that is not canonical (y ≥ p) or of small order, and for s ≥ L, before
   * anything else is looked at. OpenSSL accepts forgeries for ownerless keys.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  aead(key: Uint8Array): Aead
}

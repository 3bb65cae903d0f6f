/** The text form of an identity: lower-case base32 of key ‖ first two bytes of SHA-256(key), so that a typo is caught. */
import { HoldfastError } from '../errors.js'
import type { Crypto } from '../ports/crypto.js'
import type { PeerId } from '../ports/types.js'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const KEY_BYTES = 32
const TEXT_LENGTH = 55

export function formatPeerId(publicKey: Uint8Array, crypto: Crypto): PeerId {
  const checksum = crypto.sha256([publicKey])
  let text = ''
  let bits = 0
  let value = 0
  const push = (byte: number): void => {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET.charAt((value >>> bits) & 31)
    }
  }
  for (const byte of publicKey) push(byte)
  push(checksum[0] ?? 0)
  push(checksum[1] ?? 0)
  text += ALPHABET.charAt((value << (5 - bits)) & 31)
  return text as PeerId
}

/**
 * The public key behind a peer id.
 * @throws HoldfastError `invalid-peer-id` for anything that {@link formatPeerId} cannot have made
 */
export function parsePeerId(text: string, crypto: Crypto): Uint8Array {
  const bytes = text.length === TEXT_LENGTH ? decode(text) : null
  const key = bytes?.subarray(0, KEY_BYTES)
  if (key === undefined || formatPeerId(key, crypto) !== text)
    throw new HoldfastError('invalid-peer-id', `not a peer id, or mistyped: ${JSON.stringify(text.slice(0, 80))}`)
  return key
}

function decode(text: string): Uint8Array | null {
  const bytes = new Uint8Array(KEY_BYTES + 2)
  let at = 0
  let bits = 0
  let value = 0
  for (const character of text) {
    const digit = ALPHABET.indexOf(character)
    if (digit < 0) return null
    value = ((value << 5) | digit) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (value >>> bits) & 0xff
    }
  }
  return bytes
}

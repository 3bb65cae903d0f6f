/** The text form of an identity: lower-case base32 of key ‖ first two bytes of SHA-256(key), so that a typo is caught. */
import { HoldfastError } from '../errors.js'
import type { Crypto } from '../ports/crypto.js'
import type { PeerId } from '../ports/types.js'
import { EMPTY } from './bytes.js'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const KEY_BYTES = 32
const TEXT_LENGTH = 55

export function formatPeerId(publicKey: Uint8Array, crypto: Crypto): PeerId {
  const checksum = crypto.sha256([publicKey])
  const codes: number[] = []
  let bits = 0
  let value = 0
  for (let i = 0; i < KEY_BYTES + 2; i++) {
    const byte = i < KEY_BYTES ? publicKey[i] : checksum[i - KEY_BYTES]
    value = ((value << 8) | (byte ?? 0)) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      codes.push(ALPHABET.charCodeAt((value >>> bits) & 31))
    }
  }
  codes.push(ALPHABET.charCodeAt((value << (5 - bits)) & 31))
  return String.fromCharCode(...codes) as PeerId
}

/**
 * The public key behind a peer id.
 * @throws HoldfastError `invalid-peer-id` for anything that {@link formatPeerId} cannot have made
 */
export function parsePeerId(text: string, crypto: Crypto): Uint8Array {
  if (isPeerId(text, crypto)) return peerIdKey(text)
  const given: unknown = text
  throw new HoldfastError(
    'invalid-peer-id',
    `not a peer id, or mistyped: ${JSON.stringify(String(given).slice(0, 80))}`,
  )
}

/** Whether {@link parsePeerId} would take it. */
export function isPeerId(text: string, crypto: Crypto): text is PeerId {
  const given: unknown = text
  const bytes = typeof given === 'string' && given.length === TEXT_LENGTH ? decode(given) : null
  return bytes !== null && formatPeerId(bytes.subarray(0, KEY_BYTES), crypto) === text
}

/** The public key in an id that has been verified before; {@link parsePeerId} verifies. */
export function peerIdKey(id: PeerId): Uint8Array {
  return decode(id)?.subarray(0, KEY_BYTES) ?? EMPTY
}

function decode(text: string): Uint8Array | null {
  const bytes = new Uint8Array(KEY_BYTES + 2)
  let at = 0
  let bits = 0
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf(text.charCodeAt(i))
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

/** Letters count from 0, `2` to `7` from 26; −1 for whatever is no digit. */
function digitOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61
  return code >= 0x32 && code <= 0x37 ? code - 0x32 + 26 : -1
}

/**
 * Records: u16 length ‖ sealed bytes, no associated data. Boundaries mean nothing to the frames inside. A record whose tag
 * fails ends the link without an answer. Nonces count up from 0 and never repeat; the link ends long before they could.
 */
import type { Aead } from '../ports/crypto.js'
import { BytePool, copyInto, EMPTY } from './bytes.js'
import type { Inbox } from './inbox.js'

const TAG_BYTES = 16
const RECORD_MAX = 65_535
/** Put into one piece: a second piece costs a link more than so many bytes. Links are done with them soon. */
const JOINED_MAX = 2_048
const small = new BytePool(16_384)

export class RecordWriter {
  readonly #aead: Aead
  #nonce = 0

  constructor(aead: Aead) {
    this.#aead = aead
  }

  /** Seals the parts as one record: at most 65,519 bytes, which is what u16 leaves beside the tag. @returns chunks to write in order */
  seal(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    const sealed = this.#aead.seal(this.#nonce++, EMPTY, parts)
    let length = 0
    for (const chunk of sealed) length += chunk.length
    // A mistake of ours must not look like an attack to the peer.
    if (length > RECORD_MAX) throw new RangeError(`a record of ${String(length)} bytes`)
    if (length <= JOINED_MAX) return [join(sealed, length)]
    const header = new Uint8Array(2)
    writeLength(header, 0, length)
    return [header, ...sealed]
  }
}

function join(sealed: readonly Uint8Array[], length: number): Uint8Array {
  const joined = small.take(2 + length)
  writeLength(joined, 0, length)
  let at = 2
  for (const chunk of sealed) {
    copyInto(joined, at, chunk)
    at += chunk.length
  }
  return joined
}

function writeLength(into: Uint8Array, at: number, length: number): void {
  into[at] = length >>> 8
  into[at + 1] = length & 0xff
}

export type RecordRead =
  | { readonly kind: 'plain'; readonly bytes: Uint8Array }
  | { readonly kind: 'partial' }
  | { readonly kind: 'forged' }
  /** Not a record at all: length 0 followed by one code, in the clear. Only possible before the first record. */
  | { readonly kind: 'abort'; readonly code: number }

const PARTIAL: RecordRead = { kind: 'partial' }
const FORGED: RecordRead = { kind: 'forged' }

export class RecordReader {
  readonly #aead: Aead
  readonly #inbox: Inbox
  #nonce = 0
  /** Of the record under way; −1 before its header has come. */
  #length = -1

  constructor(aead: Aead, inbox: Inbox) {
    this.#aead = aead
    this.#inbox = inbox
  }

  /** Bytes of an unfinished record. */
  get waiting(): number {
    return this.#inbox.waiting
  }

  next(): RecordRead {
    if (this.#length < 0) {
      const length = this.#inbox.takeUint16()
      if (length === null) return PARTIAL
      this.#length = length
    }
    if (this.#length === 0 && this.#nonce === 0) {
      const code = this.#inbox.take(1)
      return code === null ? PARTIAL : { kind: 'abort', code: code[0] ?? 0 }
    }
    if (this.#length < TAG_BYTES) return FORGED
    const sealed = this.#inbox.take(this.#length)
    if (sealed === null) return PARTIAL
    this.#length = -1
    const bytes = this.#aead.open(this.#nonce++, EMPTY, sealed)
    return bytes === null ? FORGED : { kind: 'plain', bytes }
  }
}

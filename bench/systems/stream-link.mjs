/**
 * What raw sockets are given so that they are as good as they can be: memory that frames are gathered in and that is used again
 * once the socket has taken it, and a reader that copies nothing but the frame that spans two chunks.
 */

const SLAB_BYTES = 65_536
/** Beyond this a payload is written from where it lies. */
export const COPY_MAX = 16_384
/** Queued bytes at which the sender is asked to wait. */
const FULL_BYTES = 262_144
const HEAD = 4
export const NOTHING = Buffer.alloc(0)

/** Memory that frames are gathered in, taken from those of its node and given back once written. `holders` counts the writes of it under way. */
export class Slab {
  bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  end = 0
  holders = 0
  retired = false
  /** @param {(slab: Slab) => void} free */
  constructor(free) {
    this.written = () => {
      if (--this.holders === 0 && this.retired) free(this)
    }
  }

  fits(/** @type {number} */ length) {
    return this.end + HEAD + length <= SLAB_BYTES
  }

  put(/** @type {Uint8Array} */ payload) {
    this.head(payload.length)
    this.bytes.set(payload, this.end)
    this.end += payload.length
  }

  head(/** @type {number} */ length) {
    const { bytes, end } = this
    bytes[end] = length >>> 24
    bytes[end + 1] = length >>> 16
    bytes[end + 2] = length >>> 8
    bytes[end + 3] = length
    this.end = end + HEAD
  }
}

/** Cuts chunks into frames; what lies whole in a chunk is not copied. */
export class Reader {
  #head = 0
  #headBytes = 0
  /** The frame that spans chunks. @type {Buffer | null} */
  #partial = null
  #filled = 0

  /** @param {(payload: Buffer) => void} take */
  constructor(take) {
    this.take = take
  }

  read(/** @type {Buffer} */ chunk) {
    const size = chunk.length
    let at = 0
    while (at < size) {
      if (this.#partial !== null) {
        at += this.#fill(this.#partial, chunk, at)
        continue
      }
      let length = 0
      if (this.#headBytes === 0 && at + HEAD <= size) {
        length = (chunk[at] << 24) | (chunk[at + 1] << 16) | (chunk[at + 2] << 8) | chunk[at + 3]
        at += HEAD
      } else {
        this.#head = (this.#head << 8) | chunk[at++]
        if (++this.#headBytes < HEAD) continue
        length = this.#head
        this.#head = 0
        this.#headBytes = 0
      }
      if (at + length <= size) {
        this.take(length === 0 ? NOTHING : chunk.subarray(at, at + length))
        at += length
      } else {
        this.#partial = Buffer.allocUnsafeSlow(length)
        this.#filled = 0
      }
    }
  }

  /** @param {Buffer} partial @param {Buffer} chunk @param {number} from */
  #fill(partial, chunk, from) {
    const taken = chunk.copy(partial, this.#filled, from)
    this.#filled += taken
    if (this.#filled === partial.length) {
      this.#partial = null
      this.take(partial)
    }
    return taken
  }
}

/** One socket. */
export class Link {
  dirty = false
  full = false
  /** Where this link's unwritten part of the common slab begins; −1 where there is none. */
  commonFrom = -1
  /** @type {Slab | null} */
  slab = null
  known = false

  /** @param {import('./streams.mjs').StreamNode} node @param {import('node:net').Socket} socket */
  constructor(node, socket) {
    this.node = node
    this.socket = socket
  }

  append(/** @type {Uint8Array} */ payload) {
    this.#room(payload.length).put(payload)
  }

  appendLarge(/** @type {Uint8Array} */ payload) {
    this.#room(0).head(payload.length)
    this.socket.cork()
    this.flush()
    this.socket.write(payload)
    this.socket.uncork()
    this.look()
  }

  /** Hands over what waits, with the memory it is in: an idle link holds none. */
  flush() {
    const { slab } = this
    if (slab === null) return
    this.slab = null
    this.writePart(slab, 0)
    this.node.retire(slab)
  }

  /** @param {Slab} slab @param {number} from */
  writePart(slab, from) {
    slab.holders++
    this.socket.write(slab.bytes.subarray(from, slab.end), slab.written)
    this.look()
  }

  look() {
    if (this.full || this.socket.writableLength < FULL_BYTES) return
    this.full = true
    this.node.fullLinks++
  }

  #room(/** @type {number} */ length) {
    if (this.slab?.fits(length) === false) this.flush()
    this.slab ??= this.node.takeSlab()
    return this.slab
  }
}

/**
 * A node of the mesh. holdfast floods by itself; for the others this does what a host would write: 16 bytes of id before the
 * payload, the ids of the last hundred thousand messages, and what is new goes on to all links but the one that brought it.
 */
import { randomBytes } from 'node:crypto'
import { makerOf } from './payloads.mjs'

const ID_BYTES = 16
const IDS_MAX = 65_536
const BURST = 16

/** Remembers at least the last `IDS_MAX` ids, at most twice as many. */
class Seen {
  /** Bound: IDS_MAX. */
  #young = new Set()
  /** Bound: IDS_MAX. */
  #old = new Set()

  /** @returns whether it was new */
  add(/** @type {string} */ id) {
    if (this.#young.has(id) || this.#old.has(id)) return false
    if (this.#young.size >= IDS_MAX) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(id)
    return true
  }
}

export class Flood {
  #node
  #maker
  #window
  #seen = new Seen()
  #salt = randomBytes(ID_BYTES)
  #published = 0
  #received = 0
  #wrong = 0
  /** How many of each origin came; by what an origin calls itself. Bound: the nodes. @type {Map<string, number>} */
  #from = new Map()

  /** @param {any} node @param {{ json: boolean, size: number, window: number, took: () => void }} details */
  constructor(node, { json, size, window, took }) {
    this.#node = node
    this.#window = window
    this.#maker = makerOf(json, size)
    const take = (/** @type {any} */ payload) => {
      took()
      this.#take(payload, json ? payload.sender : (payload.latin1Slice?.(4, 12) ?? latin1(payload, 4, 12)))
    }
    if (node.floods) node.onMessage = (/** @type {any} */ _peer, /** @type {any} */ payload) => take(payload)
    else {
      const { decode } = node
      // What is relayed are the bytes that came, and a copy is dropped before anything in it is looked at.
      node.decode = (/** @type {Buffer} */ bytes) => bytes
      node.onMessage = (/** @type {any} */ peer, /** @type {Buffer} */ bytes) => {
        if (!this.#seen.add(bytes.latin1Slice(0, ID_BYTES))) return
        for (const link of node.open) if (link !== peer) node.sendBytes(link, bytes)
        take(decode(bytes.subarray(ID_BYTES)))
      }
    }
  }

  /** @returns how many there was room for */
  publish() {
    const others = this.#node.links
    const behind = this.#from.size < others ? 0 : Math.min(...this.#from.values())
    let count = 0
    for (; count < BURST && this.#published - behind < this.#window; count++) {
      const payload = this.#maker.make(this.#published++)
      if (this.#node.floods) this.#node.broadcast(payload)
      else this.#node.broadcastBytes(this.#stamped(this.#node.encode(payload)))
    }
    return count
  }

  tell() {
    return { published: this.#published, received: this.#received, wrong: this.#wrong }
  }

  #take(/** @type {any} */ payload, /** @type {string} */ origin) {
    this.#received++
    const number = this.#maker.numberOf(payload)
    this.#from.set(origin, (this.#from.get(origin) ?? 0) + 1)
    if (number >= 2 ** 32) this.#wrong++
  }

  #stamped(/** @type {Buffer | string} */ payload) {
    const stamped = Buffer.allocUnsafe(ID_BYTES + payload.length)
    this.#salt.copy(stamped)
    stamped.writeUInt32LE(this.#published, 0)
    if (typeof payload === 'string') stamped.latin1Write(payload, ID_BYTES)
    else stamped.set(payload, ID_BYTES)
    this.#seen.add(stamped.latin1Slice(0, ID_BYTES))
    return stamped
  }
}

const latin1 = (/** @type {Uint8Array} */ bytes, /** @type {number} */ from, /** @type {number} */ to) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice(from, to)

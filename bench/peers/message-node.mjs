/** What systems have in common that carry messages themselves: who is linked, and whose link is full. Bytes only. */

export class MessageNode {
  /** Who has said something: a link counts once both ends have. @type {Set<any>} */
  open = new Set()
  /** Bound: the links. @type {Set<any>} */
  #full = new Set()
  /** Bound: one for each call that waits. @type {(() => void)[]} */
  #waiting = []
  onPeer = (/** @type {any} */ _link) => {}
  onMessage = (/** @type {any} */ _link, /** @type {Uint8Array} */ _payload) => {}

  /** @param {(link: any, bytes: Uint8Array) => boolean} write false where the next should wait for `drained` */
  constructor(write) {
    this.write = write
  }

  get links() {
    return this.open.size
  }

  async connect(/** @type {readonly any[]} */ addresses) {
    await Promise.all(addresses.map((address) => this.dial(address)))
  }

  send(/** @type {any} */ link, /** @type {Uint8Array} */ bytes) {
    if (!this.write(link, bytes)) this.#full.add(link)
    return !this.#full.has(link)
  }

  broadcast(/** @type {Uint8Array} */ bytes) {
    for (const link of this.open) this.send(link, bytes)
    return this.#full.size === 0
  }

  async drained() {
    if (this.#full.size > 0) await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)))
  }

  relieved(/** @type {any} */ link) {
    if (this.#full.delete(link) && this.#full.size === 0) for (const wake of this.#waiting.splice(0)) wake()
  }

  lost(/** @type {any} */ link) {
    this.open.delete(link)
    this.relieved(link)
  }

  /** @param {any} link @param {Uint8Array} bytes @param {() => void} ready */
  heard(link, bytes, ready) {
    if (this.open.has(link)) {
      this.onMessage(link, bytes)
      return
    }
    this.open.add(link)
    this.onPeer(link)
    ready()
  }

  /** @returns {Promise<any>} */
  dial(/** @type {any} */ _address) {
    throw new Error('not said how')
  }
}

/**
 * Byte credit for application frames. The receiver grants, the sender spends; both count a frame's type and body. A receiver
 * that is slow, or whose peer is over its quota, grants later; it never stops reading, so control frames always pass.
 */

/** What we may still send. */
export class SendCredit {
  #left: number

  constructor(initial: number) {
    this.#left = initial
  }

  get left(): number {
    return this.#left
  }

  /** The caller has looked at {@link left}: what is spent was there. */
  spend(bytes: number): void {
    this.#left -= bytes
  }

  grant(bytes: number): void {
    this.#left = Math.min(this.#left + bytes, Number.MAX_SAFE_INTEGER)
  }
}

/** What the other side may still send, and what has been used up but not yet granted again. */
export class ReceiveCredit {
  #window: number
  #left: number
  #owed = 0

  constructor(window: number) {
    this.#window = window
    this.#left = window
  }

  /** What the other side may still send. */
  get left(): number {
    return this.#left
  }

  /** @returns false when the peer sent more than it was granted: a protocol error */
  arrived(bytes: number): boolean {
    this.#left -= bytes
    return this.#left >= 0
  }

  /** The window is another: what it has grown by is owed, and where it has become smaller nothing is granted until that is made up for. */
  resize(window: number): void {
    this.#owed += window - this.#window
    this.#window = window
  }

  /** The bytes are done with. They are granted again once they are worth a frame. */
  release(bytes: number): void {
    this.#owed += bytes
  }

  /** What was released early is held after all, until it is released again: nothing is granted meanwhile. */
  withhold(bytes: number): void {
    this.#owed -= bytes
  }

  /** Whether so much is owed, a quarter of the window, that it is worth a frame. */
  get isDue(): boolean {
    return this.#owed * 4 >= this.#window
  }

  /** How much to grant now: 0 until it is due. */
  pickGrant(): number {
    if (!this.isDue) return 0
    const grant = this.#owed
    this.#owed = 0
    this.#left += grant
    return grant
  }
}

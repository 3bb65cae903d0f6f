/**
 * Whether a peer depends on us for its news: it mostly asks for what it is told of, as one does who has few other links. To such a
 * peer a relay pushes, now and then telling it instead, to see whether it still asks. What it was told counts once it has answered,
 * which is when it asks for any of it or of what came later, or has had its time: a busy peer answers late, asking costs it more
 * than being sent, and were it told because it is late, it would be later still.
 */

/** Of the last so many ids that it was told. */
const TOLD_MAX = 16
/** Fewer tell nothing. */
const TOLD_MIN = 4
/** Who has not asked for anything by then does not want it. */
const GRACE_MS = 10_000
/** What is told beyond so many announcements without an answer counts as part of the last. */
const OPEN_MAX = 256
/** Of so many messages one is told and not pushed. */
const PROBE_EVERY = 16

/** How a peer hears of the next message. `probe`: it is told at once, and watched. */
export type Approach = 'push' | 'probe' | 'tell'

interface Announcement {
  count: number
  /** The number of its newest message. */
  newest: number
  at: number
}

export class Dependence {
  // Bound: OPEN_MAX. Oldest first.
  #open: Announcement[] = []
  #told = 0
  #asked = 0
  #pushed = 0

  /** It has been told of so many messages, the newest with this number. */
  told(count: number, newest: number, now: number): void {
    if (count === 0) return
    this.#settle(this.#open.findIndex(({ at }) => now - at < GRACE_MS))
    const last = this.#open.at(-1)
    if (last === undefined || this.#open.length < OPEN_MAX) this.#open.push({ count, newest, at: now })
    else {
      last.count += count
      last.newest = newest
      last.at = now
    }
  }

  /** It has asked for so many, the newest with this number. */
  asked(count: number, newest: number): void {
    const last = this.#open.findIndex((announcement) => announcement.newest >= newest)
    this.#settle(last < 0 ? last : last + 1)
    this.#asked = Math.min(this.#asked + count, this.#told)
  }

  /** How to let it have the next message. */
  next(): Approach {
    if (this.#told < TOLD_MIN || this.#asked * 2 <= this.#told) return 'tell'
    this.#pushed = (this.#pushed + 1) % PROBE_EVERY
    return this.#pushed === 0 ? 'probe' : 'push'
  }

  /** The first so many announcements have been answered; -1: all. */
  #settle(count: number): void {
    if (count === 0) return
    for (const { count: told } of this.#open.splice(0, count < 0 ? this.#open.length : count)) this.#told += told
    if (this.#told <= TOLD_MAX) return
    this.#asked *= TOLD_MAX / this.#told
    this.#told = TOLD_MAX
  }
}

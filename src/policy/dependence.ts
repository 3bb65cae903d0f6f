/**
 * Whether a peer depends on us for its news: it mostly asks for what it is told of, as one does who has few other links. To such
 * peers a relay pushes, now and then telling them instead, to see whether they still ask. What it was told counts once it has answered,
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
/** Of so many messages one is told and not pushed, and no more than one in so many milliseconds. */
const PROBE_EVERY = 16
const PROBE_MS = 500

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

  /** Whether it is to be pushed to. */
  get isDependent(): boolean {
    return this.#told >= TOLD_MIN && this.#asked * 2 > this.#told
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

/**
 * Which messages all peers that depend on this node are told of at once, and not sent, to see who asks. The same for all of them:
 * what they are sent is then the same, too, and written once.
 */
export class Probes {
  #since = 0
  #probedAt = Number.NEGATIVE_INFINITY

  /** Whether the next message is one. */
  next(now: number): boolean {
    this.#since++
    if (this.#since < PROBE_EVERY || now - this.#probedAt < PROBE_MS) return false
    this.#since = 0
    this.#probedAt = now
    return true
  }
}

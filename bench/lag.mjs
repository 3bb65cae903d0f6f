/**
 * How late a process's loop is. A look that comes late stands for all those it kept from happening, or a long standstill would
 * count as one sample among thousands.
 */
import { Histogram } from './histogram.mjs'

export class Lag {
  #histogram = new Histogram()
  #everyMs
  #dueAt = 0
  /** @type {NodeJS.Timeout | null} */
  #timer = null

  /** @param {number} everyMs how often it looks, which costs a wake-up each time */
  constructor(everyMs) {
    this.#everyMs = everyMs
  }

  start() {
    this.#expect()
  }

  reset() {
    this.#histogram.reset()
  }

  stop() {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  tell() {
    return this.#histogram.tell()
  }

  #expect() {
    this.#dueAt = performance.now() + this.#everyMs
    this.#timer = setTimeout(() => {
      for (let lateMs = performance.now() - this.#dueAt; lateMs > -this.#everyMs; lateMs -= this.#everyMs)
        this.#histogram.record(lateMs)
      this.#expect()
    }, this.#everyMs)
  }
}

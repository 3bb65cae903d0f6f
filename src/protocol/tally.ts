/**
 * What records cost beside their bytes: one is as much work with a byte in it as with hundreds. Counted here, judged elsewhere.
 */

/** Nobody who means to be understood cuts a frame into records as small as this, but for the last. */
const CRUMB_BYTES = 512

export class Tally {
  #records = 0
  #crumbs = 0
  /** Whether the last record was small and has completed nothing so far. */
  #isCrumb = false

  /** A record has come. */
  record(bytes: number): void {
    this.#records++
    this.#isCrumb = bytes < CRUMB_BYTES
  }

  /** What came was looked at. @param isFrame whether a frame is whole */
  looked(isFrame: boolean): void {
    if (!isFrame && this.#isCrumb) this.#crumbs++
    this.#isCrumb = false
  }

  /** Records since this was last asked. */
  takeRecords(): number {
    const records = this.#records
    this.#records = 0
    return records
  }

  /** Of these, small ones that ended no frame, or were empty. */
  takeCrumbs(): number {
    const crumbs = this.#crumbs
    this.#crumbs = 0
    return crumbs
  }
}

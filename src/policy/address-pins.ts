/**
 * Who is at an address that is listed without an id: whom our own dial proved there first, or whom the operator named there before.
 * Nobody takes that place until the operator says so; only one whom nobody has ever met yields to whom our dial finds.
 */
import type { PeerId } from '../ports/types.js'

/** Who is known to be at one address. */
export interface AddressPin {
  readonly key: string
  readonly id: PeerId
  readonly grade: PinGrade
}

/** How it is known: it was named there, and never met; or met, wherever that was; or found there by our own dial. */
export type PinGrade = 'named' | 'met' | 'found'

/** Each says more than the one before. */
export const PIN_GRADES: readonly PinGrade[] = ['named', 'met', 'found']

/** The pins of a book. Keys are addresses as canonical text, without an id. */
export class AddressPins {
  /** Bound: 8,192, two directories; of those whom nobody has met, or else of all, the oldest is forgotten. */
  static readonly pinsMax: number = 8_192
  /** The latest last. */
  readonly #pins = new Map<string, AddressPin>()
  /**
   * What the operator has said, the latest last: by address whose it is, or null; by address and peer that it is not; by peer that it is
   * nowhere. What is read after that is older than its word. Bound: `pinsMax`; the oldest is forgotten.
   */
  readonly #said = new Map<string, PeerId | null>()
  /** Which were read, and not written since. Bound: the pins. */
  readonly #saved = new Set<string>()

  /** It has been found there. */
  pin(key: string, id: PeerId): void {
    this.#set({ key, id, grade: 'found' })
  }

  /** The operator names it there, and nobody else. */
  name(key: string, id: PeerId): void {
    this.#say(key, id)
    if (this.idAt(key) !== id) this.#set({ key, id, grade: 'named' })
  }

  /** It lives, wherever it is. */
  meet(key: string, id: PeerId): void {
    const pin = this.#pins.get(key)
    if (pin?.id === id && pin.grade === 'named') this.#set({ key, id, grade: 'met' })
  }

  /** Our own dial has found another there. @returns whether it is known there no more, since nobody ever met it */
  doubt(key: string, id: PeerId): boolean {
    const pin = this.#pins.get(key)
    return pin?.id === id && pin.grade === 'named' && this.#drop(key)
  }

  /** Nobody knows who is there; that is no word of the operator's. */
  forget(key: string): void {
    this.#drop(key)
  }

  /** The operator has revoked it: it is known nowhere any more. */
  revoke(id: PeerId): void {
    this.#say(id, null)
    for (const [word, said] of this.#said) if (said === id) this.#said.set(word, null)
    for (const pin of [...this.#pins.values()]) if (pin.id === id) this.#drop(pin.key)
  }

  /** The operator undoes it: whoever is found there next is the one. @param id only where it is this one's; left out: whoever's */
  unpin(key: string, id?: PeerId): void {
    // Whoever was there before it was named is over, too.
    const isWhole = id === undefined || this.#said.get(key) === id
    this.#say(isWhole ? key : `${key} ${id}`, null)
    if (id === undefined || this.idAt(key) === id) this.#drop(key)
  }

  /** What an earlier process knew holds, whoever was found there since, unless the operator has said otherwise, or nobody had met it. */
  restore(pin: AddressPin): void {
    const { key, id, grade } = pin
    const known = this.#pins.get(key)
    const isSame = known?.id === id
    const word = this.#said.get(key)
    const isOver = word === undefined ? this.#said.has(`${key} ${id}`) || this.#said.has(id) : word !== id
    const rank = (one: PinGrade): number => PIN_GRADES.indexOf(one)
    const isMore = isSame ? rank(grade) > rank(known.grade) : grade !== 'named'
    if ((!isSame && isOver) || (known !== undefined && !isMore)) return
    this.#set(pin)
    this.#saved.add(key)
  }

  /** Whether it is as an earlier process knew it, and nothing has been found there since. */
  isSavedAt(key: string): boolean {
    return this.#saved.has(key)
  }

  idAt(key: string): PeerId | null {
    return this.#pins.get(key)?.id ?? null
  }

  isFoundAt(key: string): boolean {
    return this.#pins.get(key)?.grade === 'found'
  }

  /** All of them, for a snapshot. */
  entries(): Iterable<AddressPin> {
    return this.#pins.values()
  }

  #drop(key: string): boolean {
    this.#saved.delete(key)
    return this.#pins.delete(key)
  }

  #set(pin: AddressPin): void {
    this.#drop(pin.key)
    this.#pins.set(pin.key, pin)
    if (this.#pins.size > AddressPins.pinsMax) this.#drop(this.#oldest() ?? pin.key)
  }

  #oldest(): string | undefined {
    for (const [key, { grade }] of this.#pins) if (grade === 'named') return key
    const [oldest] = this.#pins.keys()
    return oldest
  }

  #say(word: string, id: PeerId | null): void {
    this.#said.delete(word)
    this.#said.set(word, id)
    const [oldest] = this.#said.keys()
    if (this.#said.size > AddressPins.pinsMax && oldest !== undefined) this.#said.delete(oldest)
  }
}

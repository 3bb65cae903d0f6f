/** What hearing of an address may change in a book: one address more, or one peer, and nothing that is worth more than hearsay. */
import { addressKey } from '../../policy/address.js'
import type { PeerRecord, PeerSource } from '../../policy/peer-record.js'
import type { PeerStore } from '../../policy/peer-store.js'
import type { Address, PeerId } from '../../ports/types.js'
import { must, mustEqual, shown } from '../invariants.js'
import type { Fact, NaiveBook } from './naive-book.js'

/** What the model asks of an address book. */
export type PeerStoreUnderTest = Pick<
  PeerStore,
  | 'size'
  | 'ids'
  | 'drawn'
  | 'get'
  | 'reaches'
  | 'learn'
  | 'pin'
  | 'unpin'
  | 'linked'
  | 'unlinked'
  | 'penalized'
  | 'classOf'
  | 'failed'
  | 'succeeded'
  | 'forget'
  | 'snapshot'
  | 'restore'
>

/** The canonical addresses of a peer, in its order. */
export function keysOf(record: PeerRecord | null): readonly string[] {
  return record?.addresses.map(addressKey) ?? []
}

/** A newcomer was let in: at most one made way, and one that might. */
export function makeWay(model: NaiveBook, book: PeerStoreUnderTest, id: PeerId, isHearsay: boolean): void {
  if (model.facts.has(id)) return
  const victims = model.facts.size < model.options.peersMax ? [] : model.victims(isHearsay)
  const gone = [...model.facts.keys()].filter((other) => book.get(other) === null)
  mustEqual(gone.length, Math.min(1, victims.length), 'P2', () => 'the number of peers that made way')
  for (const other of gone) {
    must(victims.includes(other), 'P2', () => `${other} made way before ${shown(victims)}`)
    model.facts.delete(other)
  }
}

/** Somebody says where a peer may be reached. */
export function learn(
  model: NaiveBook,
  book: PeerStoreUnderTest,
  id: PeerId,
  place: Address,
  source: PeerSource,
  teller: string | undefined,
): void {
  const isHearsay = source === 'exchange'
  const known = model.facts.get(id)
  const before = keysOf(book.get(id))
  const said = isHearsay && teller !== undefined ? teller : null
  const mayTell = known !== undefined || said === null || model.told(said) < model.toldMax
  const hadRoom = known !== undefined || (mayTell && model.hasRoom(isHearsay))
  const answer = book.learn(id, place, source, teller)
  if (!hadRoom) {
    mustEqual(answer, 'full', mayTell ? 'P2' : 'P3', () => 'news of one more peer')
    mustEqual(book.get(id), null, mayTell ? 'P2' : 'P3', () => 'who was refused')
    return
  }
  makeWay(model, book, id, isHearsay)
  const fact = known ?? model.add(id, source, said)
  checkAnswer(model, fact, { before, after: keysOf(book.get(id)), key: addressKey(place), answer, isHearsay })
  if (source === 'configured' && answer !== 'full') fact.configured.add(addressKey(place))
}

interface Learned {
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly key: string
  readonly answer: 'added' | 'known' | 'full'
  readonly isHearsay: boolean
}

function checkAnswer(model: NaiveBook, fact: Fact, { before, after, key, answer, isHearsay }: Learned): void {
  const isFull = before.length >= model.options.addressesMax
  const barred = isFull && (isHearsay || before.every((other) => fact.configured.has(other)))
  const expected = before.includes(key) ? 'known' : barred ? 'full' : 'added'
  mustEqual(answer, expected, 'P4', () => `${key} beside ${shown(before)}`)
  const lost = before.filter((other) => !after.includes(other))
  const gained = after.filter((other) => !before.includes(other))
  mustEqual(lost.length, expected === 'added' && isFull ? 1 : 0, 'P4', () => 'the number of addresses displaced')
  must(!lost.some((other) => fact.configured.has(other)), 'P4', () => `the operator's ${shown(lost)} was displaced`)
  must(shown(gained) === shown(expected === 'added' ? [key] : []), 'P4', () => `${shown(gained)} came with ${key}`)
}

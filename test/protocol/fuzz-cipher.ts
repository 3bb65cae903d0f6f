/** True keys, and somebody on the path: what a wound hides, that nothing else is lost, and that nobody is blamed for it. */
import type { Crypto } from '../../src/ports/crypto.js'
import { copyBytes, hex, joinBytes } from '../../src/protocol/bytes.js'
import { encodeFrame } from '../../src/protocol/frame.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { commonLength, damaged, pieces } from './fuzz-damage.js'
import { framesOf } from './fuzz-frames.js'
import type { Side } from './fuzz-owner.js'
import { otherSide, Owner, recorded, SIDES } from './fuzz-owner.js'
import { explained, shown, sideOf, trueCrypto } from './fuzz-sessions.js'
import { makePair } from './harness.js'

interface Sealed {
  /** Records of sound frames, behind everything that came before. */
  readonly bytes: Uint8Array
  /** Where each record ends, and how many events there are up to there. */
  readonly ends: readonly { readonly at: number; readonly events: number }[]
  readonly texts: readonly string[]
}

const sealings = new Map<Crypto, Readonly<Record<Side, Sealed>>>()
const RECORDS = 12

/** What each side hears behind the hellos: always the same, and sealed once. */
function sealedFor(crypto: Crypto, side: Side): Sealed {
  let sealing = sealings.get(crypto)
  if (sealing === undefined) {
    const pair = makePair({ crypto }).pump()
    const seal = (to: Side): Sealed => {
      const owner = new Owner(crypto, to, { keeps: true })
      owner.receive(recorded(crypto).heard[to])
      const records: Uint8Array[] = []
      const ends: { at: number; events: number }[] = []
      let at = 0
      for (let i = 0; i < RECORDS; i++) {
        const frames = Array.from({ length: 1 + (i % 4) }, (_, j) => framesOf(128 * (i * 7 + j))).flat()
        const record = joinBytes(pair[otherSide(to)].session.seal([joinBytes(frames)]).map((chunk) => copyBytes(chunk)))
        records.push(record)
        owner.receive(record)
        at += record.length
        ends.push({ at, events: owner.events })
      }
      return { bytes: joinBytes(records), ends, texts: owner.texts }
    }
    sealing = { initiator: seal('initiator'), responder: seal('responder') }
    sealings.set(crypto, sealing)
  }
  return sealing[side]
}

/** With true keys: what comes before the wound is heard whole, and nothing that comes behind it. */
export function cipherCase(words: readonly number[]): void {
  const random = new SeededRandom(words[0] ?? 0)
  const side = sideOf(random)
  const crypto = trueCrypto(random)
  const { bytes, ends, texts } = sealedFor(crypto, side)
  let stream = bytes
  for (const word of words) stream = damaged(stream, new SeededRandom(word))
  explained(
    () => `behind the hellos, to the ${side}: ${shown(stream)}`,
    () => {
      const owner = new Owner(crypto, side, { keeps: true })
      owner.receive(recorded(crypto).heard[side])
      const before = owner.events
      owner.receiveAll(pieces(stream, 500, random))
      const intact = commonLength(stream, bytes)
      const expected = ends.findLast(({ at }) => at <= intact)?.events ?? before
      const heard = owner.ended === null ? owner.events : owner.events - 1
      if (heard !== expected) throw new Error(`${String(heard)} events where ${String(expected)} were sealed`)
      if (owner.texts.slice(0, heard).some((text, i) => text !== texts[i]))
        throw new Error('other events than were sealed')
      if (owner.ended !== null && owner.ended.reason.code !== 'bad-record')
        throw new Error(`ended for ${owner.ended.reason.code}`)
    },
  )
}

/** Two honest ends with true keys, from the first byte on, and a wire that now and then touches what passes. */
export function wireCase(words: readonly number[]): void {
  const random = new SeededRandom(words[0] ?? 0)
  const crypto = trueCrypto(random)
  const end = (side: Side): Owner => new Owner(crypto, side, { keeps: true })
  const ends = { initiator: end('initiator'), responder: end('responder') }
  const sealed = { initiator: 0, responder: 0 }
  const wounds: string[] = []
  const wire = (side: Side, bytes: Uint8Array, word: number): Uint8Array => {
    if (word % WOUNDED_ONE_IN !== WOUNDED_ONE_IN - 1 || bytes.length === 0) return bytes
    const touched = damaged(bytes, new SeededRandom(word))
    if (hex(touched) !== hex(bytes)) wounds.push(`from the ${side} ${shown(touched)} for ${shown(bytes)}`)
    return touched
  }
  explained(
    () => wounds.join('\n'),
    () => {
      for (const word of [...words, 0, 0]) {
        const side = SIDES[word & 1] ?? 'initiator'
        const { session } = ends[side]
        if (session.state === 'established') {
          const count = sealed[side]++
          session.output.push(...session.seal([encodeFrame(64, Uint8Array.of(count >> 8, count & 0xff))]))
        }
        for (const from of SIDES) {
          const bytes = wire(from, joinBytes(ends[from].takeOutput()), word >>> 1)
          ends[otherSide(from)].receiveAll(pieces(bytes, 200, random))
        }
      }
      for (const side of SIDES) expectPrefix(ends[side], sealed[otherSide(side)], wounds.length === 0)
    },
  )
}

const WOUNDED_ONE_IN = 12

/** What was heard is what was sealed, from the first on and without a gap; all of it where nothing was touched. */
function expectPrefix(owner: Owner, sealed: number, untouched: boolean): void {
  const bodies = owner.texts.flatMap((text) => /^{"kind":"application".*"body":"(\w+)"/.exec(text)?.[1] ?? [])
  if (bodies.some((body, i) => Number.parseInt(body, 16) !== i)) throw new Error(`heard ${bodies.join(' ')}`)
  if (bodies.length > sealed || (untouched && bodies.length < sealed))
    throw new Error(`heard ${String(bodies.length)} of ${String(sealed)}`)
  if (untouched && owner.ended !== null)
    throw new Error(`ended for ${owner.ended.reason.code}, and nothing was touched`)
  if (owner.established && owner.ended?.kind === 'refused' && owner.ended.reason.code !== 'bad-record')
    throw new Error(`somebody is blamed: ${owner.ended.reason.code}`)
}

/** Established sessions, what they say to one another, and how it ends. */
import { expect } from 'vitest'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME, isOversize } from '../../src/protocol/frame.js'
import type { End, Pair, PairOptions } from './harness.js'
import { makePair } from './harness.js'
import { toyCrypto } from './toy-crypto.js'

export const SIDES: readonly ['initiator', 'responder'] = ['initiator', 'responder']
export type Side = (typeof SIDES)[number]
export const otherSide = (side: Side): Side => (side === 'initiator' ? 'responder' : 'initiator')

export const refused = (code: string, cause: string): unknown => ({
  kind: 'refused',
  reason: { code, fault: 'remote', cause },
})
export const told = (code: string, more: object = {}): unknown => ({
  kind: 'told',
  reason: { code, fault: 'remote', ...more },
})
/** Nobody is to blame for it: whoever stands in between can do it. */
export const FORGED: unknown = { kind: 'refused', reason: { code: 'bad-record', fault: 'network' } }
export const bytes = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 17 + salt) & 0xff)

/** An established pair on the suite without secrets, and what was said so far forgotten. */
export function established(options: PairOptions = {}): Pair {
  const pair = makePair({ crypto: toyCrypto, ...options }).pump()
  expect(pair.bothEstablished).toBe(true)
  pair.initiator.events.length = 0
  pair.responder.events.length = 0
  return pair
}

export function say(end: End, type: number, body: Uint8Array, lane = 1): void {
  if (!isOversize(type, body.length)) {
    end.seal(encodeFrame(type, body))
    return
  }
  const fragmenter = new Fragmenter(lane, type, [body])
  while (!fragmenter.done) end.seal(...fragmenter.next())
}

/** What `side` says, and what then happened at both ends. */
export function hearing(
  side: Side,
  frames: readonly Uint8Array[],
  options: PairOptions = {},
): { heard: unknown; back: unknown } {
  const pair = established(options)
  for (const frame of frames) pair[side].seal(frame)
  pair.pump()
  return { heard: pair[otherSide(side)].events, back: pair[side].events }
}

export const fragment = (...body: readonly number[]): Uint8Array => encodeFrame(FRAME.fragment, Uint8Array.from(body))

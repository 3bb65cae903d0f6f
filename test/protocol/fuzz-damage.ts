/** What can happen to bytes on their way, drawn by lot. */
import { copyBytes, joinBytes } from '../../src/protocol/bytes.js'
import type { SeededRandom } from '../../src/testing/seeded-random.js'

const EDGES: readonly number[] = [0, 1, 0x0f, 0x10, 0x7f, 0x80, 0xff]
const LENGTH_MAX = 24

/** A damaged copy: one to three wounds, each anywhere. May by chance be equal to what was given. */
export function damaged(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  let result = copyBytes(bytes)
  for (let wounds = 1 + random.below(3); wounds > 0; wounds--) result = wounded(result, random)
  return result
}

function wounded(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length + 1)
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  const length = 1 + random.below(LENGTH_MAX)
  switch (random.below(8)) {
    case 0:
      return joinBytes([head, tail.subarray(length)])
    case 1:
      return joinBytes([head, tail.subarray(0, length), tail])
    case 2:
      return joinBytes([head, random.bytes(length), tail])
    case 3:
      return copyBytes(head)
    case 4: {
      // A part from elsewhere in the same run.
      const from = random.below(bytes.length + 1)
      return joinBytes([head, bytes.subarray(from, from + length), tail.subarray(length)])
    }
    case 5:
      if (at < bytes.length) bytes[at] = EDGES[random.below(EDGES.length)] ?? 0
      return bytes
    default:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes
  }
}

/** Cuts a run into pieces of one byte up to `most`. */
export function pieces(bytes: Uint8Array, most: number, random: SeededRandom): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = random.below(4) === 0 ? 1 + random.below(8) : 1 + random.below(most)
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}

/** How many bytes both begin with. */
export function commonLength(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at++
  return at
}

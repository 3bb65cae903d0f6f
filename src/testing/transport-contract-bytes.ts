/** Contract cases about bytes: all of them, in order, once, and no faster than the other side reads. */
import { check, pattern, same } from './transport-contract-probe.js'
import type { Probe } from './transport-contract-probe.js'
import type { World } from './transport-contract-world.js'

const MANY = 10_000_000
const BLOCK = 65_536
/** More than any system's socket buffers hold. */
const UNREAD_MAX = 256 * 1024 * 1024

export const BYTE_CASES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'bytes arrive in order, both ways at once': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(100_000))
    far.write(pattern(70_000))
    await Promise.all([near.received(70_000), far.received(100_000)])
  },

  'one-byte writes arrive in order': async (world) => {
    const { near, far } = await world.connected()
    for (let i = 0; i < 300; i++) {
      near.write(pattern(1, i))
      if (i % 100 === 0) await far.received(i + 1)
    }
    await far.received(300)
  },

  '2,000 small writes in one turn arrive in order': async (world) => {
    const { near, far } = await world.connected()
    for (let i = 0; i < 2_000; i++) near.write(pattern(37, i * 37))
    await far.received(74_000)
  },

  'the chunks of one write arrive as one run': async (world) => {
    const { near, far } = await world.connected()
    near.write(...split(pattern(50_000), [1, 7, 500, 9_000, 3]))
    await far.received(50_000)
  },

  'a write of 5,000 chunks arrives whole': async (world) => {
    const { near, far } = await world.connected()
    near.write(...split(pattern(25_000), [5]))
    await far.received(25_000)
  },

  'empty chunks and empty writes add nothing and end nothing': async (world) => {
    const { near, far } = await world.connected()
    const nothing = new Uint8Array(0)
    near.write()
    near.write(nothing)
    await world.settled()
    near.write(nothing, pattern(3), nothing, pattern(2, 3), nothing)
    near.write(nothing, nothing)
    await far.received(5)
    near.write(nothing, nothing)
    await world.settled()
    near.write(pattern(1, 5))
    await far.received(6)
    same(far.log.join(), 'data', 'events')
  },

  'ten million bytes in one write arrive whole': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(MANY))
    await far.received(MANY)
  },

  'ten million bytes arrive whole when the writer waits for drained': async (world) => {
    const { near, far } = await world.connected()
    for (let sent = 0; sent < MANY; sent += BLOCK) {
      const { drains } = near
      const free = near.write(pattern(Math.min(BLOCK, MANY - sent), sent))
      if (!free) await near.until(() => near.drains > drains)
    }
    await far.received(MANY)
  },

  'a write returns false while the other side does not read, and drained follows once': async (world) => {
    const { near, far } = await world.connect()
    near.open()
    const sent = saturate(near)
    far.open()
    await near.until(() => near.drains > 0)
    await far.received(sent)
    same(near.drains, 1, 'calls of drained')
    near.write(pattern(1, sent))
    await far.received(sent + 1)
  },

  'a link saturates again after it has drained': async (world) => {
    const { near, far } = await world.connected()
    let sent = 0
    for (let round = 1; round <= 3; round++) {
      sent = saturate(near, sent)
      await near.until(() => near.drains === round)
    }
    await far.received(sent)
  },

  'drained follows even when the link was ended meanwhile': async (world) => {
    const { near, far } = await world.connect()
    near.open()
    const sent = saturate(near)
    near.end()
    far.open()
    await near.until(() => near.drains === 1)
    await far.received(sent)
    await far.sawEnd()
  },

  'a saturated link holds no other link up': async (world) => {
    const stuck = await world.connect()
    stuck.near.open()
    saturate(stuck.near)
    const { near, far } = await world.connected()
    near.write(pattern(10_000))
    far.write(pattern(10_000))
    await Promise.all([near.received(10_000), far.received(10_000)])
    same(stuck.near.drains, 0, 'calls of drained')
  },

  'bytes that arrive before open are kept': async (world) => {
    const { near, far } = await world.connect()
    near.open()
    near.write(pattern(1_000))
    await world.settled()
    near.write(pattern(500, 1_000))
    far.open()
    await far.received(1_500)
  },

  'a link may be written to before it is opened': async (world) => {
    const { near, far } = await world.connect()
    near.write(pattern(1_000))
    far.open()
    await far.received(1_000)
    near.open()
    far.write(pattern(10))
    await near.received(10)
  },

  'the chunks that were written are left as they are': async (world) => {
    const { near, far } = await world.connected()
    const chunks = split(pattern(4_000), [1, 60, 400])
    const alone = pattern(1_000, 4_000)
    near.write(...chunks)
    near.write(alone)
    await far.received(5_000)
    check(equal(split(pattern(4_000), [1, 60, 400]), chunks), 'the chunks of a write were changed')
    check(equal([pattern(1_000, 4_000)], [alone]), 'the only chunk of a write was changed')
  },

  'an owner may overwrite what it was handed': async (world) => {
    const { near, far } = await world.connected()
    far.onData = (bytes) => bytes.fill(0xff)
    const written = pattern(9_000)
    near.write(written.subarray(0, 10), written.subarray(10))
    near.write(pattern(9_000, 9_000))
    await far.received(18_000)
    check(equal([pattern(9_000)], [written]), 'the writer saw what the reader did to its bytes')
  },

  'an owner may write from within data': async (world) => {
    const { near, far } = await world.connected()
    far.onData = (bytes) => far.write(Uint8Array.from(bytes))
    near.write(pattern(200_000))
    await Promise.all([near.received(200_000), far.received(200_000)])
  },

  'fifty links at once are not mixed up': async (world) => {
    const links = await Promise.all(Array.from({ length: 50 }, () => world.dial(world.address)))
    await world.until(() => world.accepted.length === 50)
    const readers = world.accepted.splice(0).map((link) => world.tell(link))
    links.forEach((link, i) => {
      link.write([Uint8Array.of(i)])
      link.write([new Uint8Array(5_000).fill(i)])
    })
    await world.until(() => readers.every(({ bytes }) => bytes.length === 5_001))
    const senders = readers.map(({ bytes }) => {
      check(
        bytes.every((byte) => byte === bytes[0]),
        'bytes of two links are mixed up',
      )
      return bytes[0]
    })
    same(new Set(senders).size, 50, 'links told apart')
  },
}

/** Writes until the link says that it is saturated. @returns the bytes written so far */
export function saturate(probe: Probe, from = 0): number {
  let sent = from
  for (;;) {
    check(sent - from < UNREAD_MAX, 'the link never said that it is saturated')
    const free = probe.write(pattern(BLOCK, sent))
    sent += BLOCK
    if (!free) return sent
  }
}

/** In pieces of the given lengths, over and over. */
function split(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const length = lengths[pieces.length % lengths.length] ?? 1
    pieces.push(bytes.slice(at, at + length))
    at += length
  }
  return pieces
}

function equal(expected: readonly Uint8Array[], actual: readonly Uint8Array[]): boolean {
  return expected.every((bytes, i) => bytes.every((byte, at) => actual[i]?.[at] === byte))
}

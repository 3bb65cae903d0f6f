/** Pieces so small that their arithmetic is all they cost: a peer may send few of them, and owes for its records. */
import { describe, expect, it } from 'vitest'
import { joinBytes } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { direct } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

describe('a stranger that sends a message in crumbs', () => {
  const body = new Uint8Array(40_000)
  const frame = encodeFrame(FRAME.firstApplication, body.subarray(0, 15_000))
  const rest = (bytes: number): Uint8Array => joinBytes([Uint8Array.of(0), new Uint8Array(bytes)])
  const first = joinBytes([
    Uint8Array.of(0),
    varintBytes(40_000),
    Uint8Array.of(FRAME.firstApplication),
    body.subarray(0, 1),
  ])

  it('is told that there are too many', async () => {
    const world = new World()
    const a = await world.started('a')
    const peer = await RawPeer.connect(world, a)
    for (let i = 0; i < 200; i++) peer.record([frame.subarray(i, i + 1)])
    await world.settle()
    expect(peer.told).toBe(null)
    for (let i = 200; i < 600; i++) peer.record([frame.subarray(i, i + 1)])
    await world.settle()
    expect(peer.told).toMatchObject({ code: 'rate-limit' })
    expect(a.swarm.status().strikes).toEqual({})
    await world.stop()
  })

  it('may cut it as it likes where the pieces are not tiny', async () => {
    const world = new World()
    const a = world.node('a')
    let heard = 0
    a.swarm.handle(direct('note'), () => {
      heard++
    })
    await a.swarm.start()
    const peer = await RawPeer.connect(world, a, { names: [{ kind: 'direct', name: 'note' }] })
    for (let n = 0; n < 30; n++) {
      // Each ends with a small record.
      for (let at = 0; at < frame.length; at += 530) peer.record([frame.subarray(at, at + 530)])
      peer.send(FRAME.fragment, joinBytes([first, body.subarray(0, 20_000)]))
      peer.send(FRAME.fragment, rest(19_998))
    }
    await world.run(60_000)
    expect(peer.told).toBe(null)
    expect(heard).toBe(60)
    await world.stop()
  })

  it('owes for each record as for 256 bytes beside its own', async () => {
    const world = new World()
    const generous = { firstCopiesPerSecMax: 10_000, firstCopiesBurst: 10_000, bytesPerSecMax: 64 * 1024 }
    const a = world.node('a', { limits: { unknown: generous }, perIpLimits: false })
    a.swarm.handle(direct('note'), () => undefined)
    await a.swarm.start()
    const note = encodeFrame(FRAME.firstApplication, new Uint8Array(60))
    const notes = Array.from({ length: 600 }, () => note)
    const [together, apart] = [await RawPeer.connect(world, a), await RawPeer.connect(world, a)]
    together.record(notes)
    for (const one of notes) apart.record([one])
    await world.settle()
    expect([together, apart].map((peer) => peer.of('window').length)).toEqual([1, 0])
    await world.run(3_000)
    expect(apart.of('window').length).toBe(1)
    await world.stop()
  })
})

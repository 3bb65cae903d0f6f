/** What a peer hears of a question that nobody waits for any more: nothing, where it had not left; else one word, and not before it. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { direct, request } from '../../src/protocol/message.js'
import type { AskOptions } from '../../src/swarm/peer.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Ask = request<Uint8Array>('ask')
const Fill = direct('fill')
/** What the peer takes before it has given credit. */
const WINDOW_BYTES = 131_072

let world: World
let node: Node
let peer: RawPeer

const ask = async (bytes: number, options?: AskOptions): Promise<unknown> =>
  node.swarm
    .peer(peer.identity.id)
    ?.request(Ask, new Uint8Array(bytes), options)
    .catch((error: unknown) => (error as HoldfastError).code)
const fill = (bytes: number): void => {
  for (let at = 0; at < bytes; at += 1_000) node.swarm.peer(peer.identity.id)?.send(Fill, new Uint8Array(990))
}
const grant = async (): Promise<void> => {
  peer.grant(90_000)
  await world.settle()
}
const heard = (): string[] => peer.events.map(({ kind }) => kind).filter((kind) => ['request', 'cancel'].includes(kind))

beforeEach(async () => {
  world = new World()
  node = await world.started('node')
  peer = await RawPeer.connect(world, node, {
    names: [
      { kind: 'request', name: 'ask' },
      { kind: 'direct', name: 'fill' },
    ],
  })
})

describe('a question that nobody waits for any more', () => {
  it('is never sent where it had not left', async () => {
    fill(WINDOW_BYTES + 9_000)
    const controller = new AbortController()
    const asked = [ask(9, { timeoutMs: 500 }), ask(9, { signal: controller.signal }), ask(9)]
    await world.run(500)
    controller.abort({ code: 'unwanted' })
    expect(await Promise.all(asked.slice(0, 2))).toEqual(['request-timeout', 'unwanted'])
    await grant()
    expect(heard()).toEqual(['request'])
    expect(peer.of('application').length).toBe(141)
  })

  it('is withdrawn behind the last of it where some has left', async () => {
    fill(WINDOW_BYTES - 40_000)
    const asked = ask(60_000, { timeoutMs: 500 })
    await world.run(500)
    expect(await asked).toBe('request-timeout')
    expect([heard(), (node.swarm.status().peers[0]?.bufferedBytes ?? 0) > 0]).toEqual([[], true])
    await grant()
    expect(heard()).toEqual(['request', 'cancel'])
  })

  it('is withdrawn at once where all of it has left', async () => {
    const asked = ask(9, { timeoutMs: 500 })
    await world.run(500)
    expect([await asked, heard()]).toEqual(['request-timeout', ['request', 'cancel']])
  })

  it('makes room for others', async () => {
    fill(WINDOW_BYTES)
    for (let round = 0; round < 40; round++) {
      const asked = Array.from({ length: 3 }, async () => ask(60_000, { timeoutMs: 100 }))
      await world.run(100)
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['request-timeout']))
    }
    await grant()
    expect([heard(), peer.closed]).toEqual([[], null])
  })
})

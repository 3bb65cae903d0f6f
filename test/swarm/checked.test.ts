/** Bodies of one application id whose schema takes its time: whoever brought them may have left when it answers. */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { message } from '../../src/protocol/message.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

interface Body {
  readonly hash: string
  readonly body: string
}

describe('a body of an application id that is checked for long', () => {
  it('keeps no place from others where all who brought it left meanwhile', async () => {
    const world = new World()
    const node = world.node('node', { authorize: () => 'regular', propagation: 'flood' })
    const checks: (() => void)[] = []
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) =>
          new Promise<{ value: Body }>((resolve) => {
            checks.push(() => {
              resolve({ value: value as Body })
            })
          }),
      },
    }
    const begun: string[] = []
    let finish = (): void => undefined
    node.swarm.handle(message<Body>('keyed', { id: ({ hash }) => hash, schema }), async ({ body }) => {
      begun.push(body)
      return new Promise<Verdict>((resolve) => {
        finish = () => {
          resolve('ignore')
        }
      })
    })
    await node.swarm.start()
    const say = async (body: string): Promise<RawPeer> => {
      const peer = await RawPeer.connect(world, node)
      peer.broadcast(0, 'keyed', utf8(JSON.stringify({ hash: 'tx', body })))
      await world.settle()
      return peer
    }
    const checked = async (): Promise<void> => {
      for (const done of checks.splice(0)) done()
      await world.settle()
    }
    await say('forged 0')
    await checked()
    for (let i = 1; i <= 4; i++) {
      const forger = await say(`forged ${String(i)}`)
      forger.destroy()
      await world.settle()
    }
    await checked()
    await say('true')
    await checked()
    finish()
    await world.settle()
    expect(begun).toEqual(['forged 0', 'true'])
    finish()
    await world.settle()
    expect(node.swarm.status().inFlight).toBe(0)
    await world.stop()
  })
})

describe('a body that is judged as the one before it makes room', () => {
  it('is settled once, though who brought it left while it was checked', async () => {
    const world = new World()
    const node = world.node('node', { authorize: () => 'regular', perIpLimits: false, propagation: 'flood' })
    const checks = new Map<string, () => void>()
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => {
          const checked = { value: value as Body }
          if (['first', 'second'].includes(checked.value.body)) return checked
          return new Promise<{ value: Body }>((resolve) => {
            checks.set(checked.value.body, () => {
              resolve(checked)
            })
          })
        },
      },
    }
    let finish = (): void => undefined
    node.swarm.handle(message<Body>('keyed', { id: ({ hash }) => hash, schema }), ({ body }) =>
      body === 'first'
        ? new Promise<Verdict>((resolve) => {
            finish = () => {
              resolve('ignore')
            }
          })
        : 'ignore',
    )
    await node.swarm.start()
    const peers = await Promise.all(Array.from({ length: 5 }, async () => RawPeer.connect(world, node)))
    const say = async (at: number, hash: string, body: string): Promise<void> => {
      peers[at]?.broadcast(0, 'keyed', utf8(JSON.stringify({ hash, body })))
      await world.settle()
    }
    await say(0, 'tx', 'first')
    await say(1, 'tx', 'second')
    // The rest of the places for strangers.
    for (let i = 0; i < HANDLERS_MAX * 0.75 - 2; i++) await say(2, `chaff ${String(i)}`, `chaff ${String(i)}`)
    await say(3, 'tx', 'third')
    await say(4, 'other', 'other')
    finish()
    await world.settle()
    peers[3]?.destroy()
    await world.settle()
    checks.get('third')?.()
    await world.settle()
    for (let i = 0; i < 3; i++) {
      for (const done of [...checks.values()]) done()
      await world.settle()
    }
    expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    await world.stop()
  })
})

/** On real sockets a refusal arrives: the reason can be read, and then the end, never a reset. */
import { afterEach, describe, expect, it } from 'vitest'
import { createIdentity, Swarm } from '../../src/index.js'
import { Blacklist } from '../../src/policy/blacklist.js'
import { systemClock } from '../../src/runtime/system.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { tcp } from '../../src/transports/tcp.js'
import { webSocket } from '../../src/transports/websocket.js'
import { portOf, preamble, speakTcp } from './tcp-client.js'

const running: Swarm[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (swarm) => swarm.stop()))
})

async function node(options: Partial<SwarmOptions> = {}): Promise<Swarm> {
  const swarm = new Swarm({
    network: 'TEST',
    identity: createIdentity(),
    transports: [tcp()],
    listen: ['tcp://127.0.0.1:0'],
    perIpLimits: false,
    ...options,
  })
  running.push(swarm)
  await swarm.start()
  return swarm
}

/** More than a socket holds: what is still unread when the reason is sent must not turn into a reset. */
const more = Array.from({ length: 8 }, () => new Uint8Array(65_536))

describe('a client over TCP', () => {
  for (const [name, opener, code, answer] of [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'garbage', []],
    ['a TLS hello', Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00), 'garbage', []],
    ['another network', preamble('OTHR'), 'wrong-network', [1]],
    ['a message too long to be a key', Uint8Array.of(...preamble('TEST'), 0xff, 0xff, 0), 'bad-handshake', [0, 0, 15]],
  ] as const)
    it(`that sends ${name} and much more is ${code}, and reads it to a clean end`, async () => {
      const swarm = await node()
      const refused = swarm.once('inbound:refused')
      const { bytes, error } = await speakTcp(portOf(swarm.addresses), [Uint8Array.from(opener), ...more])
      expect(error).toBe(null)
      if (code === 'wrong-network') {
        expect(bytes.length).toBe(16)
        expect(bytes[13]).toBe(answer[0])
      } else if (code === 'bad-handshake') expect(bytes.subarray(16)).toEqual(Uint8Array.from(answer))
      else expect(bytes.length).toBe(0)
      expect(await refused).toMatchObject([{ peerId: null, reason: { code } }])
      expect(swarm.status()).toMatchObject({ inboundRefused: { [code]: 1 }, pending: 0 })
    })

  it('whose address is banned reads so at the door', async () => {
    const blacklist = new Blacklist()
    for (let i = 0; i < 3; i++) blacklist.strike({ ip: '127.0.0.1' }, systemClock.monotonic())
    const swarm = await node({ perIpLimits: true, blacklist })
    const { bytes, error } = await speakTcp(portOf(swarm.addresses), [preamble('TEST'), ...more])
    expect(error).toBe(null)
    expect(bytes.length).toBe(16)
    expect(bytes[13]).toBe(6)
    expect(swarm.status()).toMatchObject({ inboundRefused: { banned: 1 }, pending: 0 })
    expect(swarm.status().strikes).toEqual({})
  })

  for (const scheme of ['ws', 'wss'])
    it(`that was told of the port as one of ${scheme} dials in vain, and is not struck for it: anybody can say such a thing`, async () => {
      const blacklist = new Blacklist()
      const listening = await node({ perIpLimits: true, blacklist })
      const told = await node({ transports: [tcp(), webSocket()] })
      const address = `${scheme}://127.0.0.1:${String(portOf(listening.addresses))}`
      for (let i = 0; i < 4; i++) await expect(told.dial(address)).rejects.toThrow()
      expect(listening.status().inboundRefused).toEqual({ garbage: 4 })
      expect(listening.status().strikes).toEqual({})
      expect(blacklist.check({ ip: '127.0.0.1' }, systemClock.monotonic())).toBe(null)
    })

  it('that dials where it is not wanted fails by name, and both sides count it', async () => {
    const unwelcoming = await node({ authorize: () => false })
    const swarm = await node()
    await expect(swarm.dial(unwelcoming.addresses[0] ?? '')).rejects.toMatchObject({ code: 'not-allowed' })
    expect(swarm.status().dialsFailed).toEqual({ 'not-allowed': 1 })
    expect(unwelcoming.status().inboundRefused).toEqual({ 'not-allowed': 1 })
  })
})

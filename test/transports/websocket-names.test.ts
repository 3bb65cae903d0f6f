/** Names that strangers tell: asked of a resolver of their own, whose servers may answer, deny, or never say a word. */
import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns'
import { afterEach, describe, expect, it } from 'vitest'
import { lookupBy } from '../../src/transports/websocket-names.js'

const TYPE = { a: 1, aaaa: 28 }
const sockets: Socket[] = []

/** A name server on this machine. @param answers by the type that is asked for; null: never */
async function serverOf(answers: Readonly<Record<number, readonly number[] | 'none' | null>>): Promise<Resolver> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  socket.on('message', (query, { port }) => {
    const type = query.readUInt16BE(query.length - (query.includes(Buffer.from([0, 41])) ? 15 : 4))
    const answer = answers[type] ?? null
    if (answer === null) return
    const end = query.indexOf(0, 12) + 5
    const head = Buffer.from(query.subarray(0, end))
    head.writeUInt16BE(answer === 'none' ? 0x8183 : 0x8180, 2)
    for (const [at, count] of [1, answer === 'none' ? 0 : 1, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * at)
    const record = answer === 'none' ? [] : [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, answer.length, ...answer]
    socket.send(Buffer.concat([head, Buffer.from(record)]), port, '127.0.0.1')
  })
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  const resolver = new Resolver({ timeout: 60_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${String(socket.address().port)}`])
  return resolver
}

async function look(resolver: Resolver, all: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    lookupBy(resolver)('peer.example', { all }, (error, address, family) => {
      resolve(error === null ? (all ? address : [address, family]) : error.code)
    })
  })
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

describe('a name that strangers tell', () => {
  const v6 = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 1]

  it('is found at all of its addresses, those of IPv4 first', async () => {
    const resolver = await serverOf({ [TYPE.a]: [192, 0, 2, 7], [TYPE.aaaa]: v6 })
    expect(await look(resolver, true)).toEqual([
      { address: '192.0.2.7', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ])
    expect(await look(resolver, false)).toEqual(['192.0.2.7', 4])
  })

  it('is found where it has addresses of one kind alone', async () => {
    const resolver = await serverOf({ [TYPE.a]: 'none', [TYPE.aaaa]: v6 })
    expect(await look(resolver, true)).toEqual([{ address: '2001:db8::1', family: 6 }])
  })

  it('is not found where nobody knows it', async () => {
    const resolver = await serverOf({ [TYPE.a]: 'none', [TYPE.aaaa]: 'none' })
    expect(await look(resolver, true)).toBe('ENOTFOUND')
  })

  it('holds up nobody once it is called off', async () => {
    const resolver = await serverOf({})
    const looking = look(resolver, true)
    resolver.cancel()
    expect(await looking).toBe('ECANCELLED')
  })
})

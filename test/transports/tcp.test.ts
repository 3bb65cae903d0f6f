import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../src/errors.js'
import type { Link, Listener } from '../../src/ports/transport.js'
import type { Address } from '../../src/ports/types.js'
import { tcp } from '../../src/transports/tcp.js'
import type { TcpOptions } from '../../src/transports/tcp.js'

const at = (host: string, port: number): Address => ({ scheme: 'tcp', peerId: null, host, port, path: '/' })
const ignored = { data: () => undefined, drained: () => undefined, ended: () => undefined, closed: () => undefined }

describe('tcp', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '::1'],
    ['localhost', 'localhost'],
  ])('listens on %s and is dialled at %s', async (host, dialled) => {
    const { near, far, close } = await linked(host, dialled)
    expect(net.isIP(near.remote?.host ?? '')).not.toBe(0)
    expect(near.remote?.host).toBe(far.remote?.host)
    await close()
  })

  it('shows IPv4 peers of a dual-stack listener as IPv4', async () => {
    const { far, close } = await linked('::', '127.0.0.1')
    expect(far.remote?.host).toBe('127.0.0.1')
    await close()
  })

  it('names the failure of a dial that is refused', async () => {
    const reason = await failureOf(at('127.0.0.1', 1))
    expect(reason).toMatchObject({ code: 'connection-refused', fault: 'network', cause: { code: 'ECONNREFUSED' } })
  })

  it('names the failure of a dial to a host that does not exist', async () => {
    const reason = await failureOf(at('no-such-host.invalid', 1))
    expect(reason).toMatchObject({ code: 'name-not-found', fault: 'network' })
  })

  it('names the failure of a dial to an address that cannot be reached', async () => {
    // The limited broadcast address: the kernel refuses to route TCP to it, with one error or another.
    const reason = await failureOf(at('255.255.255.255', 1))
    expect(reason).toMatchObject({ code: 'unreachable', fault: 'network' })
  })

  it('fails to listen on an address that is taken, and keeps the cause', async () => {
    const { port, close } = await linked('127.0.0.1', '127.0.0.1')
    const reason = await new Promise<Reason>((resolve) => {
      tcp().listen?.(at('127.0.0.1', port), { listening: unexpected, accepted: unexpected, failed: resolve })
    })
    expect(reason).toMatchObject({ code: 'unreachable', fault: 'local', cause: { code: 'EADDRINUSE' } })
    await close()
  })

  it.each(['localhost', 'no-such-host.invalid'])(
    'says nothing when it is closed while it still looks up %s, and is done after that',
    async (host) => {
      let done = false
      const listener = tcp().listen?.(at(host, 0), {
        listening: unexpected,
        accepted: unexpected,
        failed: unexpected,
      })
      const closed = new Promise<void>((resolve) => {
        listener?.close(() => {
          done = true
          resolve()
        })
      })
      for (let i = 0; i < 10; i++) await Promise.resolve()
      expect(done).toBe(false)
      await closed
    },
  )

  it('says whose doing an orderly close was', async () => {
    const { near, far, close } = await linked('127.0.0.1', '127.0.0.1')
    const reasons = Promise.all([
      closeOf(near),
      closeOf(far, {
        ended: () => {
          far.end()
        },
      }),
    ])
    near.end()
    expect(await reasons).toEqual([
      { code: 'closed', fault: 'local' },
      { code: 'closed', fault: 'remote' },
    ])
    await close()
  })

  it('says that a reset broke the link, and keeps the cause', async () => {
    const { link, socket, close } = await raw()
    const reason = closeOf(link)
    socket.resetAndDestroy()
    expect(await reason).toMatchObject({ code: 'connection-lost', fault: 'network', cause: { code: 'ECONNRESET' } })
    await close()
  })

  it('says after a reset before open that the link is lost', async () => {
    const { link, socket, close } = await raw()
    socket.resetAndDestroy()
    await new Promise((resolve) => socket.once('close', resolve))
    // The kernel tells the writer of a reset, whether or not anybody reads.
    link.write([Uint8Array.of(1)])
    link.write([Uint8Array.of(2)])
    expect(await closeOf(link)).toMatchObject({ code: 'connection-lost', fault: 'network' })
    await close()
  })

  it('keeps a write true as long as no more than saturationBytes are queued', async () => {
    const { near, far, close } = await linked('127.0.0.1', '127.0.0.1', { saturationBytes: 16_777_216 })
    expect(near.write([new Uint8Array(16_777_216)])).toBe(true)
    far.destroy()
    await close()
  })

  it.each([
    ['keepAliveMs', 999],
    ['keepAliveMs', 3_600_001],
    ['saturationBytes', 16_383],
    ['saturationBytes', 16_777_217],
    ['saturationBytes', 20_000.5],
    ['saturationBytes', Number.NaN],
  ])('refuses %s of %d', (field, value) => {
    expect(() => tcp({ [field]: value })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

interface Linked {
  readonly near: Link
  readonly far: Link
  readonly port: number
  readonly close: () => Promise<void>
}

function linked(host: string, dialled: string, options?: TcpOptions): Promise<Linked> {
  const transport = tcp(options)
  return new Promise((resolve, reject) => {
    let near: Link | undefined
    let far: Link | undefined
    let port = 0
    const listener = transport.listen?.(at(host, 0), {
      listening: (bound) => {
        port = bound.port
        transport.dial(at(dialled, port), {
          opened: (link) => {
            near = link
            settle()
          },
          failed: (reason) => {
            reject(new Error(reason.code))
          },
        })
      },
      accepted: (link) => {
        far = link
        settle()
      },
      failed: (reason) => {
        reject(new Error(reason.code))
      },
    })
    const settle = (): void => {
      if (near === undefined || far === undefined || listener === undefined) return
      const links = [near, far]
      resolve({ near, far, port, close: () => closing(listener, links) })
    }
  })
}

/** A link to a plain server, and the server's end of it. */
async function raw(): Promise<{ link: Link; socket: net.Socket; close: () => Promise<void> }> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve))
  const { port } = server.address() as AddressInfo
  const link = await new Promise<Link>((resolve) => {
    tcp().dial(at('127.0.0.1', port), { opened: resolve, failed: unexpected })
  })
  const socket = await accepted
  const close = async (): Promise<void> => {
    link.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { link, socket, close }
}

function closing(listener: Listener, links: readonly Link[]): Promise<void> {
  for (const link of links) link.destroy()
  return new Promise((resolve) => {
    listener.close(resolve)
  })
}

function closeOf(link: Link, events: { ended?: () => void } = {}): Promise<Reason> {
  return new Promise((resolve) => {
    link.open({ ...ignored, ...events, closed: resolve })
  })
}

function failureOf(address: Address): Promise<Reason> {
  return new Promise((resolve) => tcp().dial(address, { opened: unexpected, failed: resolve }))
}

function unexpected(): never {
  throw new Error('this event must not come')
}

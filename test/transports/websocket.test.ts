import { createSign, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Reason } from '../../src/errors.js'
import type { Link } from '../../src/ports/transport.js'
import type { Address } from '../../src/ports/types.js'
import { webSocket } from '../../src/transports/websocket.js'
import type { WebSocketOptions } from '../../src/transports/websocket.js'

const at = (port: number, host = '127.0.0.1', scheme = 'ws'): Address => ({
  scheme,
  peerId: null,
  host,
  port,
  path: '/',
})
const SUBPROTOCOL = 'holdfast.1'

describe('webSocket, listening', () => {
  it.each([
    ['::1', '::1', '::1'],
    ['::', '127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', 'localhost', '127.0.0.1'],
  ])('listens on %s, is dialled at %s and sees %s', async (host, dialled, seen) => {
    const { port, accepted } = await listening({}, host)
    await dialTo(at(port, dialled))
    expect((await accepted).remote?.host).toBe(seen)
  })

  it('answers a plain HTTP request with 426 and closes', async () => {
    const { port } = await listening()
    const answer = await spoken(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 426 /)
    expect(answer).toMatch(/connection: close/i)
  })

  it('speaks its own subprotocol to a client that offers others, too', async () => {
    const { port } = await listening()
    const socket = net.connect(port, '127.0.0.1')
    socket.write(upgrade({ protocol: `chat, ${SUBPROTOCOL}` }))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(answer.toString('latin1')).toMatch(new RegExp(`sec-websocket-protocol: ${SUBPROTOCOL}\\r\\n`, 'i'))
  })

  it('lets in who is no web page, and of pages those that it was told of', async () => {
    const page = 'https://wallet.example'
    const statusOf = async (port: number, origin: string | null): Promise<string | undefined> => {
      const socket = net.connect(port, '127.0.0.1')
      socket.write(upgrade({ origin }))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      return /^HTTP\/1\.1 (\d+)/.exec(answer.toString('latin1'))?.[1]
    }
    for (const [origins, known, other] of [
      ['any', '101', '101'],
      [[page], '101', '403'],
      [[], '403', '403'],
    ] as const) {
      const { port, refused } = await listening({ origins })
      expect(await statusOf(port, null)).toBe('101')
      expect([
        await statusOf(port, page),
        await statusOf(port, 'https://other.example'),
        await statusOf(port, 'null'),
      ]).toEqual([known, other, other])
      const pages = [page, 'https://other.example', 'null'].slice(known === '101' ? 1 : 0)
      const told = pages.map((origin) => `not-allowed (local): a page of "${origin}" may not connect`)
      expect(refused).toEqual(other === '101' ? [] : told)
    }
  })

  it.each([
    ['another subprotocol', upgrade({ protocol: 'chat' })],
    ['no subprotocol', upgrade({ protocol: null })],
    ['another path', upgrade({ path: '/elsewhere' })],
    ['no key', upgrade({ key: null })],
    ['bytes that are not HTTP', '\u0000\u0001\u0002garbage\r\n\r\n'],
    ['a header without end', `GET / HTTP/1.1\r\nA: ${'a'.repeat(20_000)}`],
  ])('refuses %s with a 4xx and closes', async (what, request) => {
    const { port, refused } = await listening()
    expect(await spoken(port, request)).toMatch(/^HTTP\/1\.1 4\d\d /)
    await dialTo(at(port))
    const isNamed = what.endsWith('subprotocol')
    expect(refused).toEqual(isNamed ? ['bad-handshake (remote): does not offer the subprotocol holdfast.1'] : [])
  })

  it('closes a connection that says nothing', async () => {
    const { port } = await listening({ handshakeMs: 100 })
    await spoken(port, '')
  })

  it('closes a connection that never ends its headers', async () => {
    const { port } = await listening({ handshakeMs: 100 })
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    const trickle = setInterval(() => {
      socket.write('A: b\r\n')
    }, 20)
    socket.write('GET / HTTP/1.1\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(trickle)
  })

  it('evicts the oldest unfinished upgrade once 2,048 are under way', async () => {
    const { port } = await listening({ handshakeMs: 600_000 })
    const dialled = (): net.Socket => net.connect(port, '127.0.0.1').on('error', () => undefined)
    const oldest = dialled()
    const evicted = new Promise((resolve) => oldest.resume().once('close', resolve))
    const sockets = [oldest]
    // No more at once than the kernel holds for a listener: it would make the rest wait for seconds.
    while (sockets.length < 2_049) {
      const more = Array.from({ length: Math.min(256, 2_049 - sockets.length) }, dialled)
      await Promise.all(more.map((socket) => once(socket, 'connect')))
      sockets.push(...more)
    }
    await evicted
    expect(sockets.filter(({ closed }) => closed)).toEqual([oldest])
    await dialTo(at(port))
    for (const socket of sockets) socket.destroy()
  })

  it('drops unfinished upgrades when it closes', async () => {
    const { port, close } = await listening()
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\n')
    const gone = new Promise((resolve) => socket.resume().once('close', resolve))
    await dialTo(at(port))
    await close()
    await gone
  })

  it.each(['localhost', 'no-such-host.invalid'])(
    'says nothing when it is closed while it still looks up %s, and is done after that',
    async (host) => {
      let done = false
      const listener = webSocket().listen?.(at(0, host), {
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

  it('cannot listen on wss', async () => {
    const reason = await new Promise<Reason>((resolve) => {
      webSocket().listen?.(at(0, '127.0.0.1', 'wss'), { listening: unexpected, accepted: unexpected, failed: resolve })
    })
    expect(reason).toMatchObject({ code: 'unreachable', fault: 'local' })
  })
})

describe('webSocket, a link', () => {
  it.each<[string, (ws: WebSocket) => void, Partial<Reason>]>([
    [
      'a text message',
      (ws) => {
        ws.send('hello')
      },
      { fault: 'remote', cause: 'a text message' },
    ],
    [
      'a message after the end',
      (ws) => {
        ws.send(new Uint8Array(0))
        ws.send(Uint8Array.of(1))
      },
      { fault: 'remote', cause: 'a message after the end' },
    ],
    [
      'a message that is too big',
      (ws) => {
        ws.send(new Uint8Array(65_537))
      },
      { fault: 'remote' },
    ],
    [
      'a closing handshake before the end',
      (ws) => {
        ws.close(1001)
      },
      { fault: 'network' },
    ],
    [
      'a lost connection',
      (ws) => {
        ws.terminate()
      },
      { fault: 'network' },
    ],
  ])('breaks on %s', async (_, act, reason) => {
    const { port, accepted } = await listening({ messageBytesMax: 65_536 })
    const ws = await rawClient(port)
    const closed = closeOf(await accepted)
    act(ws)
    expect(await closed).toMatchObject({ code: 'connection-lost', ...reason })
  })

  it('takes frames without a mask for a remote fault', async () => {
    const { port, accepted } = await listening()
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write(upgrade({}))
    const closed = closeOf(await accepted)
    socket.resume().write(Uint8Array.of(0x82, 1, 7))
    expect(await closed).toMatchObject({ code: 'connection-lost', fault: 'remote' })
    socket.destroy()
  })

  it('offers and accepts no compression', async () => {
    const { port } = await listening()
    const ws = await rawClient(port, { perMessageDeflate: true })
    expect(ws.extensions).toBe('')
    const { offered } = await rawServer()
    expect(offered['sec-websocket-extensions']).toBeUndefined()
    expect(offered['sec-websocket-protocol']).toBe(SUBPROTOCOL)
  })

  it('merges the chunks of a write, and sends no message above 64 KiB', async () => {
    const { port, accepted } = await listening()
    const ws = await rawClient(port)
    const lengths: number[] = []
    const ended = new Promise<void>((resolve) => {
      ws.on('message', (bytes: Buffer) => {
        lengths.push(bytes.length)
        if (bytes.length === 0) resolve()
      })
    })
    const link = await accepted
    link.write([new Uint8Array(10), new Uint8Array(20), new Uint8Array(30)])
    link.write([new Uint8Array(100_000), new Uint8Array(50_000)])
    link.end()
    await ended
    expect(lengths).toEqual([60, 65_536, 65_536, 18_928, 0])
  })

  it('breaks a link that sends a message in crumbs', async () => {
    const { port, accepted } = await listening()
    const socket = await upgraded(port)
    const reason = closeOf(await accepted)
    const state = { isClosed: false }
    void reason.then(() => (state.isClosed = true))
    // The head of a masked message of 60,000 bytes.
    socket.write(Uint8Array.of(0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0))
    for (let i = 0; i < 5_000 && !state.isClosed; i++) {
      socket.write(Uint8Array.of(1))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await reason).toMatchObject({ code: 'connection-lost', fault: 'remote' })
  })

  it('takes a message that comes in pieces of a hundred and fifty bytes', async () => {
    const { port, accepted } = await listening()
    const socket = await upgraded(port)
    const link = await accepted
    const whole = new Promise<number>((resolve, reject) => {
      let length = 0
      link.open({
        data: (bytes) => {
          length += bytes.length
          if (length === 60_000) resolve(length)
        },
        drained: () => undefined,
        ended: () => undefined,
        closed: (reason) => {
          reject(new Error(reason.code))
        },
      })
    })
    socket.write(Uint8Array.of(0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0))
    for (let i = 0; i < 400; i++) {
      socket.write(new Uint8Array(150))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await whole).toBe(60_000)
  })

  it('answers a ping of WebSocket, and breaks a link that sends hundreds of them', async () => {
    const { port, accepted } = await listening()
    const ws = await rawClient(port)
    const reason = closeOf(await accepted)
    const pong = once(ws, 'pong')
    ws.ping('hello')
    expect(String((await pong)[0])).toBe('hello')
    for (let i = 0; i < 200; i++) ws.ping()
    expect(await reason).toMatchObject({ code: 'connection-lost', fault: 'remote', cause: 'a flood of pings' })
  })

  it('counts a pong that nobody asked for as a ping', async () => {
    const { port, accepted } = await listening()
    const ws = await rawClient(port)
    const reason = closeOf(await accepted)
    for (let i = 0; i < 200; i++) ws.pong()
    expect(await reason).toMatchObject({ cause: 'a flood of pings' })
  })

  it.each([
    ['messages of one byte', Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 7)],
    ['fragments without a byte', Uint8Array.of(0x00, 0x80, 0, 0, 0, 0)],
  ])('breaks a link that sends hundreds of thousands of %s', async (_, frame) => {
    const { port, accepted } = await listening()
    const socket = await upgraded(port)
    const link = await accepted
    let received = 0
    const reason = new Promise<Reason>((resolve) => {
      link.open({
        data: ({ length }) => (received += length),
        drained: () => undefined,
        ended: () => undefined,
        closed: resolve,
      })
    })
    // Each message of fragments begins with one that has a byte, and has fewer of them than may be.
    const begin = frame[0] === 0 ? [Uint8Array.of(0x02, 0x81, 0, 0, 0, 0, 7)] : []
    const end = frame[0] === 0 ? [Uint8Array.of(0x80, 0x80, 0, 0, 0, 0)] : []
    const many = Buffer.concat([...begin, ...Array.from({ length: 1_000 }, () => frame), ...end])
    for (let i = 0; i < 200; i++) socket.write(many)
    expect(await reason).toMatchObject({ fault: 'remote', cause: 'a flood of framing' })
    expect(received).toBeLessThan(60_000)
  })

  it('takes any number of messages of twenty bytes', async () => {
    const { port, accepted } = await listening()
    const socket = await upgraded(port)
    const link = await accepted
    const all = new Promise<void>((resolve, reject) => {
      let left = 1_000_000
      link.open({
        data: ({ length }) => {
          left -= length
          if (left === 0) resolve()
        },
        drained: () => undefined,
        ended: () => undefined,
        closed: ({ cause }) => {
          reject(new Error(String(cause)))
        },
      })
    })
    const frame = new Uint8Array(26)
    frame.set([0x82, 0x94])
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => frame))
    for (let i = 0; i < 50; i++) socket.write(many)
    await all
  })

  it('lets messages pay for pings', async () => {
    const { port, accepted } = await listening()
    const ws = await rawClient(port)
    let closed = false
    void closeOf(await accepted).then(() => (closed = true))
    for (let i = 0; i < 200; i++) {
      ws.send(new Uint8Array(5))
      ws.ping(String(i))
    }
    await new Promise<void>((resolve) => {
      ws.on('pong', (payload: Buffer) => {
        if (String(payload) === '199') resolve()
      })
    })
    expect(closed).toBe(false)
  })

  it('says whose doing an orderly close was', async () => {
    const { port, accepted } = await listening()
    const near = await dialTo(at(port))
    const far = await accepted
    const reasons = Promise.all([
      closeOf(near),
      closeOf(far, () => {
        far.end()
      }),
    ])
    near.end()
    expect(await reasons).toEqual([
      { code: 'closed', fault: 'local' },
      { code: 'closed', fault: 'remote' },
    ])
  })

  it('is closed in order even where the other side never answers the closing handshake', async () => {
    const { port, accepted } = await listening({ closingMs: 100 })
    const socket = net
      .connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .resume()
    socket.write(upgrade({}))
    const link = await accepted
    const closed = closeOf(link)
    link.end()
    socket.write(Uint8Array.of(0x82, 0x80, 0, 0, 0, 0))
    expect(await closed).toEqual({ code: 'closed', fault: 'local' })
    socket.destroy()
  })
})

describe('webSocket, dialling', () => {
  it.each<[string, Address, Partial<Reason>]>([
    ['a port where nobody listens', at(1), { code: 'connection-refused', fault: 'network' }],
    ['a host that does not exist', at(1, 'no-such-host.invalid'), { code: 'name-not-found', fault: 'network' }],
    ['a path that is no path', { ...at(1), path: '/#a' }, { code: 'dial-failed', fault: 'local' }],
  ])('names the failure of a dial to %s', async (_, address, reason) => {
    expect(await failureOf(address)).toMatchObject(reason)
  })

  it('fails where the server does not speak the subprotocol', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false })
    onTestFinished(() => {
      server.close()
    })
    await new Promise((resolve) => server.once('listening', resolve))
    expect(await failureOf(at((server.address() as net.AddressInfo).port))).toMatchObject({ code: 'dial-failed' })
  })

  it('fails where the server accepts and then says nothing', async () => {
    const port = await plainServer((socket) => socket.on('error', () => undefined))
    expect(await failureOf(at(port), { handshakeMs: 100 })).toMatchObject({ code: 'dial-failed', fault: 'network' })
  })

  it('reaches a listener behind TLS, and only where the certificate is trusted', async () => {
    const { port, accepted } = await listening()
    const { key, cert } = selfSigned()
    const proxy = tls.createServer({ key, cert, ALPNProtocols: ['http/1.1'] }, (outer) => {
      const inner = net.connect(port, '127.0.0.1')
      for (const socket of [inner, outer]) socket.on('error', () => undefined)
      outer.pipe(inner).pipe(outer)
    })
    proxy.on('tlsClientError', () => undefined)
    onTestFinished(() => {
      proxy.close()
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const address = at((proxy.address() as net.AddressInfo).port, '127.0.0.1', 'wss')
    expect(await failureOf(address)).toMatchObject({ code: 'dial-failed', fault: 'network' })
    await dialTo(address, { tls: { ca: cert } })
    await accepted
    await dialTo(address, { tls: { ca: [cert] } })
    await dialTo(address, { tls: { rejectUnauthorized: false } })
  })

  it.each([
    ['messageBytesMax', 65_535],
    ['saturationBytes', 16_383],
    ['keepAliveMs', 999],
    ['handshakeMs', 99],
    ['closingMs', 600_001],
  ])('refuses %s of %d', (field, value) => {
    expect(() => webSocket({ [field]: value })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it.each([
    [['wallet.example']],
    [['https://wallet.example/']],
    [['https://wallet.example', 5]],
    ['https://wallet.example'],
    [Array.from({ length: 257 }, (_, i) => `https://w${String(i)}.example`)],
  ])('refuses origins %j', (origins) => {
    expect(() => webSocket({ origins } as WebSocketOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })
})

interface Listening {
  readonly port: number
  /** The first link. */
  readonly accepted: Promise<Link>
  /** Who was turned away, and why. */
  readonly refused: readonly string[]
  readonly close: () => Promise<void>
}

function listening(options?: WebSocketOptions, host?: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    let accept: (link: Link) => void = unexpected
    const accepted = new Promise<Link>((first) => (accept = first))
    const refused: string[] = []
    const listener = webSocket(options).listen?.(at(0, host), {
      listening: ({ port }) => {
        resolve({ port, accepted, refused, close })
      },
      accepted: (link) => {
        onFinish(link)
        accept(link)
      },
      refused: ({ host }, { code, fault, cause }) => {
        refused.push(host === '127.0.0.1' ? `${code} (${fault}): ${String(cause)}` : host)
      },
      failed: (reason) => {
        reject(new Error(reason.code))
      },
    })
    const links: Link[] = []
    const onFinish = (link: Link): void => void links.push(link)
    const close = (): Promise<void> =>
      new Promise((done) => {
        listener?.close(done)
      })
    onTestFinished(async () => {
      for (const link of links) link.destroy()
      await close()
    })
  })
}

async function dialTo(address: Address, options?: WebSocketOptions): Promise<Link> {
  const link = await new Promise<Link>((resolve, reject) => {
    webSocket(options).dial(address, {
      opened: resolve,
      failed: ({ code, cause }) => {
        reject(new Error(code, { cause }))
      },
    })
  })
  onTestFinished(() => {
    link.destroy()
  })
  return link
}

function failureOf(address: Address, options?: WebSocketOptions): Promise<Reason> {
  return new Promise((resolve) => webSocket(options).dial(address, { opened: unexpected, failed: resolve }))
}

function closeOf(link: Link, ended: () => void = () => undefined): Promise<Reason> {
  return new Promise((resolve) => {
    link.open({ data: () => undefined, drained: () => undefined, ended, closed: resolve })
  })
}

async function rawClient(port: number, options = {}): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${String(port)}/`, SUBPROTOCOL, options)
  ws.on('error', () => undefined)
  onTestFinished(() => {
    ws.terminate()
  })
  await new Promise((resolve) => ws.once('open', resolve))
  return ws
}

/** Dials a plain HTTP server. @returns the headers of the upgrade that it was asked for */
async function rawServer(): Promise<{ offered: http.IncomingHttpHeaders }> {
  const server = http.createServer()
  onTestFinished(() => {
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const offered = new Promise<http.IncomingHttpHeaders>((resolve) => {
    server.on('upgrade', (request, socket) => {
      socket.destroy()
      resolve(request.headers)
    })
  })
  await failureOf(at((server.address() as net.AddressInfo).port))
  return { offered: await offered }
}

async function plainServer(accepted: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer(accepted)
  onTestFinished(() => {
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as net.AddressInfo).port
}

/** Says it, and waits for the other side to close. @returns what came back */
function spoken(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.on('close', () => {
      resolve(answer)
    })
    socket.write(bytes)
  })
}

/** A socket on which WebSocket has been agreed to, in nobody's hands. */
async function upgraded(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  onTestFinished(() => {
    socket.destroy()
  })
  socket.write(upgrade({}))
  await once(socket, 'data')
  return socket
}

function upgrade({
  path = '/',
  protocol = SUBPROTOCOL,
  key = 'MDEyMzQ1Njc4OWFiY2RlZg==',
  origin = null,
}: {
  origin?: string | null
  path?: string
  protocol?: string | null
  key?: string | null
}): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: a',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    ...(origin === null ? [] : [`Origin: ${origin}`]),
    ...(key === null ? [] : [`Sec-WebSocket-Key: ${key}`]),
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A certificate for 127.0.0.1, written out in DER (RFC 5280), since Node makes keys but no certificates. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
    const body = Buffer.concat(parts)
    const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff]
    return Buffer.concat([Uint8Array.of(tag, ...length), body])
  }
  const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
  const algorithm = der(0x30, oid('2a8648ce3d040302'))
  const name = der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from('holdfast test')))))
  const validity = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z')))
  const subjectAltName = der(0x30, oid('551d11'), der(0x04, der(0x30, der(0x87, Uint8Array.of(127, 0, 0, 1)))))
  const body = der(
    0x30,
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1)),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, subjectAltName)),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const whole = der(0x30, body, algorithm, der(0x03, Uint8Array.of(0), signature))
  const cert = `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert }
}

function unexpected(): never {
  throw new Error('this event must not come')
}

import { describe, expect, it } from 'vitest'
import { hex, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import type { Codec } from '../../src/protocol/codec.js'
import { defaultCodec } from '../../src/protocol/codec.js'
import type { Priority } from '../../src/protocol/message.js'
import { broadcastId, direct, message, request } from '../../src/protocol/message.js'
import { nodeCrypto, webCrypto } from './harness.js'

interface Named {
  readonly name: string
}
const DEFINERS: readonly ((name: string, options?: { readonly priority?: Priority }) => Named)[] = [
  (name, options) => message(name, options),
  (name, options) => direct(name, options),
  (name, options) => request(name, options),
]
const textCodec: Codec<string> = { encode: utf8, decode: () => '' }

describe('a definition', () => {
  it('of a broadcast has what was asked for, and the defaults for the rest', () => {
    expect(message('tx')).toEqual({
      kind: 'message',
      nameKind: 'message',
      name: 'tx',
      priority: 'normal',
      format: { codec: defaultCodec, schema: null },
      id: null,
      serial: false,
    })
    const id = (text: string): string => text
    expect(message('beat', { codec: textCodec, id, repeat: true, serial: true, priority: 'urgent' })).toEqual({
      kind: 'message',
      nameKind: 'repeat',
      name: 'beat',
      priority: 'urgent',
      format: { codec: textCodec, schema: null },
      id,
      serial: true,
    })
  })

  it('of a direct message or a request has its own name kind', () => {
    expect(direct('vote', { serial: true, priority: 'bulk' })).toMatchObject({
      kind: 'direct',
      nameKind: 'direct',
      serial: true,
      priority: 'bulk',
    })
    expect(direct('vote').serial).toBe(false)
    expect(request('mempool', { answerCodec: textCodec })).toEqual({
      kind: 'request',
      nameKind: 'request',
      name: 'mempool',
      priority: 'normal',
      format: { codec: defaultCodec, schema: null },
      answerFormat: { codec: textCodec, schema: null },
      answerBytesMax: 4 * 1024 * 1024,
    })
  })

  it('is refused for a name that is empty or has more than 32 bytes', () => {
    for (const define of DEFINERS) {
      expect(() => define('')).toThrow('1 to 32 bytes')
      expect(() => define('é'.repeat(17))).toThrow('1 to 32 bytes')
      expect(define('é'.repeat(16)).name).toHaveLength(16)
    }
  })

  it('is refused for a priority that does not exist', () => {
    for (const define of DEFINERS)
      expect(() => define('tx', { priority: 'high' as Priority })).toThrow("'urgent', 'normal' or 'bulk'")
  })

  it('of a request is refused for a bound that is no size', () => {
    for (const maxBytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 64 * 1024 * 1024 + 1])
      expect(() => request('x', { maxBytes })).toThrow('maxBytes')
    expect(request('x', { maxBytes: 64 * 1024 * 1024 }).answerBytesMax).toBe(64 * 1024 * 1024)
  })
})

describe('the id of a broadcast', () => {
  it('is the beginning of a hash over the context, the name with its length, and the body', () => {
    const body = Uint8Array.of(1, 2, 3)
    const hashed = nodeCrypto.sha256([joinBytes([utf8('holdfast/1 m'), Uint8Array.of(2), utf8('tx'), body])])
    for (const crypto of [nodeCrypto, webCrypto])
      expect(hex(broadcastId('tx', body, crypto))).toBe(hex(hashed.subarray(0, 16)))
  })

  it('differs where only the border between name and body does', () => {
    expect(hex(broadcastId('ab', utf8('c'), nodeCrypto))).not.toBe(hex(broadcastId('a', utf8('bc'), nodeCrypto)))
  })
})

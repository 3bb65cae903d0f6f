import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hex } from '../../src/protocol/bytes.js'
import { NoiseHandshake } from '../../src/protocol/noise.js'
import { crypto as nodeCrypto } from '../../src/runtime/crypto-node.js'
import { crypto as webCrypto } from '../../src/runtime/crypto-web.js'

interface Vector {
  readonly protocol_name: string
  readonly init_prologue: string
  readonly init_static: string
  readonly init_ephemeral: string
  readonly resp_prologue: string
  readonly resp_static: string
  readonly resp_ephemeral: string
  readonly handshake_hash?: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

const FILES = ['noise-cacophony.json', 'noise-snow.json']
const BACKENDS = [
  { name: 'node with node', initiator: nodeCrypto, responder: nodeCrypto },
  { name: 'web with web', initiator: webCrypto, responder: webCrypto },
  { name: 'node with web', initiator: nodeCrypto, responder: webCrypto },
]

const folder = process.env['HOLDFAST_VECTORS'] ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url))
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

function vectors(): readonly Vector[] {
  if (!existsSync(folder)) {
    console.log('the official Noise vectors are absent; the frozen transcripts still run')
    return []
  }
  return FILES.flatMap((file) => {
    const parsed = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { readonly vectors: readonly Vector[] }
    return parsed.vectors.filter((vector) => vector.protocol_name === 'Noise_XX_25519_ChaChaPoly_SHA256')
  })
}

describe('the Noise handshake', () => {
  for (const { name, initiator, responder } of BACKENDS) {
    it(`says every byte of the official XX vectors, ${name}`, () => {
      for (const vector of vectors()) {
        const a = new NoiseHandshake({
          initiator: true,
          prologue: bytes(vector.init_prologue),
          staticKeys: initiator.dhKeyPair(bytes(vector.init_static)),
          ephemeralKeys: initiator.dhKeyPair(bytes(vector.init_ephemeral)),
          crypto: initiator,
        })
        const b = new NoiseHandshake({
          initiator: false,
          prologue: bytes(vector.resp_prologue),
          staticKeys: responder.dhKeyPair(bytes(vector.resp_static)),
          ephemeralKeys: responder.dhKeyPair(bytes(vector.resp_ephemeral)),
          crypto: responder,
        })
        for (const [i, { payload, ciphertext }] of vector.messages.slice(0, 3).entries()) {
          const [from, to] = i % 2 === 0 ? [a, b] : [b, a]
          const said = from.write(bytes(payload))
          expect(said && hex(said)).toBe(ciphertext)
          expect(to.read(bytes(ciphertext))).toEqual(expect.objectContaining({ length: payload.length / 2 }))
        }
        const keysA = a.split()
        const keysB = b.split()
        expect(hex(keysA.handshakeHash)).toBe(hex(keysB.handshakeHash))
        if (vector.handshake_hash !== undefined) expect(hex(keysA.handshakeHash)).toBe(vector.handshake_hash)
        const nonces = [0, 0]
        for (const [i, { payload, ciphertext }] of vector.messages.slice(3).entries()) {
          const ofResponder = i % 2 === 0 ? 1 : 0
          const [from, to] = ofResponder === 1 ? [keysB, keysA] : [keysA, keysB]
          const nonce = nonces[ofResponder] ?? 0
          nonces[ofResponder] = nonce + 1
          const sealed = Buffer.concat([...from.send.seal(nonce, new Uint8Array(0), [bytes(payload)])])
          expect(hex(sealed)).toBe(ciphertext)
          expect(to.receive.open(nonce, new Uint8Array(0), sealed)).toHaveLength(payload.length / 2)
        }
      }
    })
  }

  it('gives nothing for a message whose any bit was flipped on the way', () => {
    const setup = (initiator: boolean, salt: number): ConstructorParameters<typeof NoiseHandshake>[0] => ({
      initiator,
      prologue: new Uint8Array(3),
      staticKeys: nodeCrypto.dhKeyPair(new Uint8Array(32).fill(salt)),
      ephemeralKeys: nodeCrypto.dhKeyPair(new Uint8Array(32).fill(salt + 1)),
      crypto: nodeCrypto,
    })
    const second = (): { readonly a: NoiseHandshake; readonly message: Uint8Array } => {
      const a = new NoiseHandshake(setup(true, 1))
      const b = new NoiseHandshake(setup(false, 5))
      b.read(a.write(new Uint8Array(0)) ?? new Uint8Array(0))
      return { a, message: b.write(new Uint8Array(20)) ?? new Uint8Array(0) }
    }
    const { a, message } = second()
    expect(a.read(message)).toHaveLength(20)
    for (let bit = 0; bit < message.length * 8; bit += 5) {
      const flipped = second()
      flipped.message[bit >> 3] = (flipped.message[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      // The top bit of an X25519 key is ignored by the function, but not by the hash.
      expect(flipped.a.read(flipped.message)).toBeNull()
    }
  })

  it('gives nothing for a message cut short anywhere', () => {
    const b = (): NoiseHandshake =>
      new NoiseHandshake({
        initiator: false,
        prologue: new Uint8Array(0),
        staticKeys: nodeCrypto.dhKeyPair(new Uint8Array(32).fill(3)),
        ephemeralKeys: nodeCrypto.dhKeyPair(new Uint8Array(32).fill(4)),
        crypto: nodeCrypto,
      })
    for (let length = 0; length < 32; length++) expect(b().read(new Uint8Array(length).fill(9))).toBeNull()
  })
})

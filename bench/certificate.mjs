/** A self-signed X.509 certificate (Ed25519, CN=end), made of node:crypto and a little DER, so that TLS needs no file and no program. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const TAG = { integer: 0x02, bits: 0x03, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31, version: 0xa0 }

export function certificate() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const algorithm = der(TAG.sequence, der(TAG.oid, bytes(0x2b, 0x65, 0x70)))
  const commonName = der(TAG.sequence, der(TAG.oid, bytes(0x55, 0x04, 0x03)), der(TAG.text, Buffer.from('end')))
  const name = der(TAG.sequence, der(TAG.set, commonName))
  const lasts = der(TAG.sequence, ...['240101000000Z', '491231000000Z'].map((time) => der(TAG.time, Buffer.from(time))))
  const content = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, bytes(2))),
    // A leading 1 keeps the number positive.
    der(TAG.integer, Buffer.concat([bytes(1), randomBytes(8)])),
    ...[algorithm, name, lasts, name],
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign(null, content, privateKey)
  const whole = der(TAG.sequence, content, algorithm, der(TAG.bits, bytes(0), signature))
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const bytes = (/** @type {readonly number[]} */ ...values) => Buffer.from(values)

/** @param {number} tag @param {readonly Buffer[]} contents */
function der(tag, ...contents) {
  const { length } = Buffer.concat(contents)
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([bytes(tag, ...size), ...contents])
}

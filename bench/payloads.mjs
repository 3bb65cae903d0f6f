/**
 * What is sent: opaque bytes that begin with a number, or an object of about the same size as JSON. The receiver looks at each:
 * that it is the next of its sender, whole, and what an object says.
 */
import { randomBytes } from 'node:crypto'

const FILL = 0x5a
const FRESH = 2 ** 32

/** @typedef {{ make: (number: number) => any, numberOf: (payload: any) => number }} Maker */

/** @param {boolean} json @param {number} size @returns {Maker} */
export const makerOf = (json, size) => (json ? objects(size) : bytes(size))

/** @param {number} size @returns {Maker} */
function bytes(size) {
  const template = Buffer.alloc(size, FILL)
  // No two senders make the same payload: equal ones would be one message to who deduplicates by content.
  randomBytes(8).copy(template, 4)
  return {
    make: (number) => {
      const payload = Buffer.allocUnsafe(size)
      template.copy(payload)
      payload[0] = number >>> 24
      payload[1] = number >>> 16
      payload[2] = number >>> 8
      payload[3] = number
      return payload
    },
    numberOf: (payload) =>
      payload.length === size && payload[size - 1] === FILL
        ? ((payload[0] << 24) | (payload[1] << 16) | (payload[2] << 8) | payload[3]) >>> 0
        : FRESH,
  }
}

/** @param {number} size @returns {Maker} */
function objects(size) {
  const sender = randomBytes(6).toString('hex')
  const shell = { number: 1_000_000, sender, amount: 1_250, memo: '' }
  const memo = 'm'.repeat(Math.max(1, size - JSON.stringify(shell).length))
  return {
    make: (number) => ({ number, sender, amount: number % 1_000, memo }),
    numberOf: ({ number, sender: from, amount, memo: said }) =>
      from.length === sender.length && amount === number % 1_000 && said.length === memo.length ? number : FRESH,
  }
}

/** Made beforehand, to be sent round and round: what it takes to make them is not what is measured. */
export function ringOf(/** @type {Maker} */ maker, /** @type {number} */ size) {
  const count = size > 4_096 ? 64 : 1_024
  return Array.from({ length: count }, (_, number) => maker.make(number))
}

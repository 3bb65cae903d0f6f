/** A responder alone, and edits of what passes in a handshake. */
import type { SessionSetup } from '../../src/protocol/session.js'
import type { Edit } from './harness.js'
import { admit, End, makeHello, makeSetup, nodeCrypto, partiesOf } from './harness.js'

const { responder } = partiesOf(nodeCrypto)
export const refused = (code: string, cause?: string): unknown => ({
  kind: 'refused',
  reason: { code, fault: 'remote', ...(cause === undefined ? {} : { cause }) },
})
export const told = (code: string): unknown => ({ kind: 'told', reason: { code, fault: 'remote' } })
export const alone = (over: Partial<SessionSetup> = {}): End =>
  new End(makeSetup('inbound', responder, over), admit(makeHello(9)))

export function editing(side: 'initiator' | 'responder', at: number, change: (byte: number) => number): Edit {
  return (from, bytes, start) => {
    if (from === side && at >= start && at < start + bytes.length) bytes[at - start] = change(bytes[at - start] ?? 0)
    return bytes
  }
}

export function replacing(side: 'initiator' | 'responder', at: number, by: Uint8Array): Edit {
  return (from, bytes, start) => {
    if (from === side && at >= start && at + by.length <= start + bytes.length) bytes.set(by, at - start)
    return bytes
  }
}

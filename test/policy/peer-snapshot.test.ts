import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { readBook, type StoredBook } from '../../src/policy/peer-snapshot.js'

const WALL = 1_000
const ID = 'a'.repeat(55)
const OTHER = 'b'.repeat(55)
const LIMITS = { peersMax: 3, addressesMax: 2, pinsMax: 2 }
const peer = (changes: object = {}): object => ({
  id: ID,
  source: 'hello',
  addresses: ['tcp://h:1'],
  configured: [],
  linkedMs: 5,
  lastSeenAt: 900,
  dialedUs: false,
  failures: 2,
  anchor: false,
  ...changes,
})
const read = (...peers: unknown[]): StoredBook['peers'] => readBook({ version: 1, peers }, WALL, LIMITS).peers

describe('a saved book', () => {
  it('is read as it was written', () => {
    const addresses = ['tcp://h:1', `tcp://${ID}@g:2`]
    expect(read(peer({ addresses, configured: ['tcp://g:2'], dialedUs: true, anchor: true }))).toEqual([
      {
        id: ID,
        source: 'hello',
        addresses: [
          { address: parseAddress('tcp://h:1'), isConfigured: false },
          { address: parseAddress(`tcp://${ID}@g:2`), isConfigured: true },
        ],
        linkedMs: 5,
        lastSeenAt: 900,
        dialedUs: true,
        failures: 2,
        anchor: true,
      },
    ])
    expect(read(peer({ dialedUs: 1, anchor: 'yes' }))).toMatchObject([{ dialedUs: false, anchor: false }])
  })

  it('of another version, or of no such form, is empty', () => {
    const pinnedAddresses = [['tcp://h:1', ID]]
    expect(readBook({ version: 1, peers: [peer()], pinnedAddresses }, WALL, LIMITS)).toMatchObject({
      peers: [{ id: ID }],
      pinnedAddresses: [{ key: 'tcp://h:1', id: ID }],
    })
    for (const book of [null, undefined, 7, 'text', {}, { version: 2, peers: [peer()], pinnedAddresses }])
      expect(readBook(book, WALL, LIMITS)).toEqual({ peers: [], pinnedAddresses: [] })
  })

  it('has those first that nobody has seen, and then the least recently seen', () => {
    const seen = (...at: readonly (number | null)[]): unknown[] =>
      read(...at.map((lastSeenAt) => peer({ lastSeenAt }))).map(({ lastSeenAt }) => lastSeenAt)
    expect(seen(30, 10, 20)).toEqual([10, 20, 30])
    expect(seen(0, null, 20)).toEqual([null, 0, 20])
    expect(seen(20, 0, null)).toEqual([null, 0, 20])
  })

  it('is read without the peers that make no sense', () => {
    const senseless = [null, 1, 'text', [], peer({ id: 'x' }), peer({ id: [ID] }), peer({ source: 'nobody' })]
    for (const one of senseless) expect(read(one, peer({ id: OTHER })).map(({ id }) => id)).toEqual([OTHER])
  })

  it('is read with what makes no sense of a peer left out, and what is too much cut off', () => {
    const odd = {
      linkedMs: -1,
      lastSeenAt: 5_000,
      failures: 2.5,
      configured: 'x',
      addresses: ['x', 'tcp://h:1', 'tcp://g:1'],
    }
    expect(read(peer(odd))).toMatchObject([
      { linkedMs: 0, lastSeenAt: WALL, failures: 2, addresses: [{ address: { host: 'h' }, isConfigured: false }] },
    ])
    expect(read(peer(), peer(), peer(), peer())).toHaveLength(3)
  })

  it('is read without the pins that make no sense', () => {
    const pins = (...pinnedAddresses: unknown[]): unknown =>
      readBook({ version: 1, pinnedAddresses }, WALL, LIMITS).pinnedAddresses
    const found = { key: 'tcp://h:1', id: ID, grade: 'found' }
    for (const more of [[], ['found'], ['more'], ['more', 'met'], [7]])
      expect(pins([`tcp://${OTHER}@H:1`, ID, ...more])).toEqual([found])
    for (const grade of ['named', 'met']) expect(pins(['tcp://h:1', ID, grade])).toEqual([{ ...found, grade }])
    for (const pin of [['tcp://h:1', [ID]], ['tcp://h:1', 'x'], ['x', ID], [ID], 'tcp', null])
      expect(pins(pin)).toEqual([])
    expect(pins(['tcp://a:1', ID], ['tcp://b:1', ID], ['tcp://c:1', ID])).toHaveLength(2)
  })
})

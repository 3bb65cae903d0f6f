/** Who opens a socket next where there are fewer slots than dials: whoever was lost a moment ago does not wait for the long dead. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import type { SlotUser } from '../../src/swarm/dial-slots.js'
import { DialSlots } from '../../src/swarm/dial-slots.js'

const SLOTS = 16

interface Dialled extends SlotUser {
  readonly address: string
}

/** The slots of a node that trusts a few, and whoever has one. */
function scene() {
  const slots = new DialSlots<SlotUser['target'], string>(() => 10)
  const dialling: Dialled[] = []
  const open = (user: Dialled): void => {
    slots.occupy(user.peerClass)
    dialling.push(user)
  }
  const dial = (name: string, inVain: number, peerClass: PeerClass = 'masternode'): void => {
    const user = { address: name, peerClass, target: { inVain } }
    if (slots.isFull(user)) slots.wait(user)
    else open(user)
  }
  const end = (name: string): void => {
    const at = dialling.findIndex(({ address }) => address === name)
    const [ended] = dialling.splice(at, 1)
    if (ended !== undefined) slots.vacate(ended.peerClass)
    const next = slots.next()
    if (next !== null) open(next)
  }
  return { slots, dial, end, dialling, names: () => dialling.map(({ address }) => address) }
}

describe('a slot to dial from', () => {
  it('is there for whoever was lost a moment ago, however many are long dead', () => {
    const { dial, names } = scene()
    for (let i = 0; i < 40; i++) dial(`dead${String(i)}`, 8 + i)
    expect(names()).toHaveLength(SLOTS - 2)
    for (const name of ['new0', 'new1', 'new2']) dial(name, 0)
    expect(names().slice(SLOTS - 2)).toEqual(['new0', 'new1'])
  })

  it('goes to those that failed least, and among them to whoever has waited longest', () => {
    const { dial, end, names } = scene()
    for (let i = 0; i < SLOTS; i++) dial(`busy${String(i)}`, 0)
    dial('dead', 20)
    dial('dead, too', 9)
    dial('third', 3)
    dial('first', 1)
    dial('second', 1)
    for (let i = 0; i < SLOTS; i++) end(`busy${String(i)}`)
    expect(names()).toEqual(['first', 'second', 'third', 'dead', 'dead, too'])
  })

  it('is whose turn it is, wherever that one is to be dialled by then, and not who has left', () => {
    const { slots, dial, end, names } = scene()
    for (let i = 0; i < SLOTS; i++) dial(`busy${String(i)}`, 0)
    const waiting = ['first', 'second', 'third'].map((address) => ({ address, target: { inVain: 0 } }))
    for (const { address, target } of waiting) slots.wait({ address, target, peerClass: 'masternode' })
    const [first, second] = waiting.map(({ target }) => target)
    if (first === undefined || second === undefined) throw new Error('three wait')
    slots.readdress(first, 'elsewhere')
    expect(slots.leave(second).map(({ address }) => address)).toEqual(['second'])
    for (let i = 0; i < 3; i++) end(`busy${String(i)}`)
    expect(names().slice(SLOTS - 3)).toEqual(['elsewhere', 'third'])
  })

  it('is one of as many for strangers, whom no trusted peer waits for', () => {
    const { dial, names } = scene()
    for (let i = 0; i < 40; i++) dial(`stranger${String(i)}`, 0, 'unknown')
    expect(names()).toHaveLength(16)
    dial('trusted', 30)
    expect(names().at(-1)).toBe('trusted')
  })

  it('comes to everybody in the end, however often the others fail meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 60 }), (failures) => {
        const { dial, end, dialling } = scene()
        const served = new Set<string>()
        const counts = new Map(failures.map((inVain, i) => [String(i), inVain]))
        for (const [name, inVain] of counts) dial(name, inVain)
        for (let round = 0; round < 2_000 && served.size < counts.size; round++) {
          expect(dialling.length).toBeLessThanOrEqual(SLOTS)
          const [first] = dialling
          if (first === undefined) throw new Error('slots are free while somebody waits')
          const { address: name } = first
          served.add(name)
          end(name)
          // It fails, and is dialled again at once.
          const inVain = (counts.get(name) ?? 0) + 1
          counts.set(name, inVain)
          dial(name, inVain)
        }
        expect(served.size).toBe(counts.size)
      }),
    )
  })
})

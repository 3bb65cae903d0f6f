import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { Moves } from '../../src/swarm/moves.js'

const [one, two] = ['a', 'b'].map((letter) => letter.repeat(55)) as [PeerId, PeerId]
const at = (peerId: PeerId | null, host: string): Address => ({ ...parseAddress(`tcp://${host}:1`), peerId })
const heard = (...answers: (readonly Address[])[]): [readonly PeerId[], Moves] => {
  const moves = new Moves()
  let last: readonly PeerId[] = []
  for (const answer of answers) last = [...moves.heard(answer)]
  return [last, moves]
}

describe('a move', () => {
  const [here, there, third] = [at(one, 'a'), at(one, 'b'), at(one, 'c')]

  it('is a name that stands elsewhere than in the answer before', () => {
    expect(heard([at(null, 'a')], [at(null, 'a'), there])[0]).toEqual([one])
    expect(heard([here], [at(null, 'a'), there])[0]).toEqual([one])
    expect(heard([here, there], [there])[0]).toEqual([one])
    expect(heard([there], [there, third])[0]).toEqual([one])
  })

  it('is nothing else: no first answer, none that says the same, none that leaves a name out', () => {
    expect(heard([there])[0]).toEqual([])
    expect(heard([here, there], [there, here])[0]).toEqual([])
    expect(heard([here], [at(null, 'a')])[0]).toEqual([])
    expect(heard([here], [here, at(null, 'b'), at(two, 'b')])[0]).toEqual([two])
  })

  it('is remembered, and so is one between what an earlier process heard last and this one first', () => {
    const [last, moves] = heard([here], [there], [there])
    expect([last, [...moves.ids]]).toEqual([[], [one]])
    const [, later] = heard([at(two, 'b')], [at(two, 'b'), there])
    later.heardBefore([at(two, 'a')])
    expect(new Set(later.ids)).toEqual(new Set([one, two]))
    const [, same] = heard([at(two, 'b')], [at(two, 'c')])
    same.heardBefore([at(two, 'b')])
    expect([...same.ids]).toEqual([two])
  })

  it('of the one that moved longest ago is forgotten at the bound', () => {
    const ids = Array.from(
      { length: Moves.idsMax + 1 },
      (_, i) => `${String(i).padStart(6, '0')}${'a'.repeat(49)}` as PeerId,
    )
    const [, moves] = heard(
      ids.map((id) => at(id, 'a')),
      [at(ids[7] ?? null, 'b')],
      ids.map((id) => at(id, 'c')),
    )
    expect([moves.ids.size, moves.ids.has(ids[0] ?? one), moves.ids.has(ids[7] ?? one)]).toEqual([
      Moves.idsMax,
      false,
      true,
    ])
  })
})

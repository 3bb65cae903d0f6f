/** A directory that names somebody at an address, and then nobody: who is taken to be there, whatever else answers. */
import { describe, expect, it } from 'vitest'
import { Town } from './town.js'

const MIN_MS = 60_000
const AT = 1
const [OWN, OTHER] = [0, 1]

async function town(): Promise<Town> {
  const made = new Town(1, { hasSay: false, isSmall: false, begins: 'alone' }, [])
  await made.begin()
  made.do({ kind: 'publish', entries: [{ house: AT, who: OWN }] })
  made.move(AT, OWN, 'lists')
  made.time.run(5 * MIN_MS)
  expect(made.home.peer(made.id(OWN))?.class).toBe('masternode')
  return made
}

const listed = (made: Town): boolean[] => [OWN, OTHER].map((who) => made.home.masternodes.has(made.id(who)))

describe('one whom a directory names no more where it had named it', () => {
  it('and that was there is only away, whoever answers there meanwhile', async () => {
    const made = await town()
    made.do({ kind: 'publish', entries: [{ house: AT, who: null }] })
    made.time.run(60 * MIN_MS)
    made.move(AT, OTHER, 'nobody')
    made.time.run(5 * MIN_MS)
    expect([listed(made), made.home.peer(made.id(OTHER))]).toEqual([[true, false], null])
    made.move(AT, OWN, 'lists')
    made.time.run(5 * MIN_MS)
    expect(made.home.peer(made.id(OWN))?.class).toBe('masternode')
  })

  it('is there after a restart, too, where our own dial had found it so', async () => {
    const made = await town()
    made.do({ kind: 'publish', entries: [{ house: AT, who: null }] })
    made.time.run(MIN_MS)
    made.move(AT, OWN, 'nobody')
    made.time.run(10 * MIN_MS)
    expect(made.home.peer(made.id(OWN))?.direction).toBe('outbound')
    made.move(AT, OTHER, 'nobody')
    await made.restart()
    made.time.run(30 * MIN_MS)
    expect([listed(made), made.home.peer(made.id(OTHER))]).toEqual([[true, false], null])
  })

  it('and names elsewhere has moved: whoever our dial finds is the one', async () => {
    const made = await town()
    made.move(2, OWN, 'lists')
    made.move(AT, OTHER, 'lists')
    made.do({
      kind: 'publish',
      entries: [
        { house: 2, who: OWN },
        { house: AT, who: null },
      ],
    })
    made.time.run(30 * MIN_MS)
    expect([OWN, OTHER].map((who) => made.home.peer(made.id(who))?.class)).toEqual(['masternode', 'masternode'])
  })
})

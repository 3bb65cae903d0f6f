/** A masternode's process dies and another takes its place, as after a crash: the mesh has it back. The package must be built. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../src/runtime/system.js'
import { loopbackHomes, Mesh } from './mesh.js'

const START_MS = 30_000
const DOWN_MS = 3_000
/** Three times what is promised. */
const BACK_MS = 3 * 5_000

let mesh: Mesh | null = null
afterEach(async () => {
  await mesh?.stop()
})

describe('a masternode that was killed', () => {
  it(
    'is a full member of the mesh again soon after it listens again',
    async () => {
      mesh = new Mesh(loopbackHomes(5), systemRandom, false)
      mesh.launch()
      await mesh.whole(START_MS)
      const victim = mesh.node(2)
      await victim.kill()
      const losers = mesh.nodes.filter((node) => node !== victim)
      const lost = losers.map(({ name }) => expect.stringContaining(`${name} n3 `) as string)
      await expect.poll(() => mesh?.tellings('disconnect'), { timeout: START_MS }).toEqual(lost)
      victim.launch(DOWN_MS)
      await expect.poll(() => victim.told.map(({ event }) => event), { timeout: START_MS }).toContain('listening')
      const wholeAt = await mesh.whole(BACK_MS)
      const backMs = wholeAt - (victim.told.find(({ event }) => event === 'listening')?.at ?? Number.NaN)
      console.info(`real: killed node back in the mesh after ${backMs.toFixed(0)} ms`)
      expect(await mesh.mute()).toEqual([])
      expect(mesh.tellings('error')).toEqual([])
    },
    2 * START_MS + DOWN_MS + BACK_MS + START_MS,
  )
})

/** A process that stands still keeps its sockets, and its kernel answers for it: only silence tells. The package must be built. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../src/runtime/system.js'
import { loopbackHomes, Mesh, now } from './mesh.js'

const START_MS = 30_000
/** Three times what is promised, here and below. */
const SUSPECT_MS = 3 * 20_000
const BACK_MS = 3 * 5_000

let mesh: Mesh | null = null
afterEach(async () => {
  await mesh?.stop()
})

describe('a masternode that was frozen', () => {
  it(
    'is suspected by all, keeps its place, and is taken back when it wakes',
    async () => {
      mesh = new Mesh(loopbackHomes(4), systemRandom, false)
      mesh.launch()
      await mesh.whole(START_MS)
      const victim = mesh.node(1)
      const others = mesh.nodes.filter((node) => node !== victim)
      // A frozen process cannot see that the test is gone: whoever can wakes it, and it ends.
      for (const other of others) other.order('guard', { pid: victim.pid })
      victim.signal('SIGSTOP')
      const suspicions = others.map(({ name }) => `${name} n2`)
      await expect.poll(() => mesh?.tellings('suspect'), { timeout: SUSPECT_MS }).toEqual(suspicions)
      const silences = others.flatMap(({ told }) => told.flatMap(({ silentMs = [] }) => silentMs))
      console.info(`real: frozen node suspected by all after ${Math.max(...silences).toFixed(0)} ms of silence`)

      victim.signal('SIGCONT')
      const wokenAt = now()
      const backMs = (await mesh.whole(BACK_MS)) - wokenAt
      console.info(`real: frozen node back in the mesh ${backMs.toFixed(0)} ms after it woke`)
      expect(await mesh.mute()).toEqual([])
      expect(mesh.tellings('disconnect')).toEqual([])
      expect(mesh.tellings('connect')).toHaveLength(4 * 3)
      expect(mesh.tellings('error')).toEqual([])
    },
    START_MS + SUSPECT_MS + BACK_MS + START_MS,
  )
})

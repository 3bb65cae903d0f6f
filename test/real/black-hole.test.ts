/** A link whose packets vanish while its hosts, its processes and the way between them live. The package must be built. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../src/runtime/system.js'
import { Lab, whyNoLab } from './lab.js'
import type { MeshNode, PeerSeen } from './mesh.js'
import { Mesh, now } from './mesh.js'

const START_MS = 30_000
/** Three times what is promised, here and below. */
const SUSPECT_MS = 3 * 20_000
const REPLACED_MS = 3 * 5_000

let lab: Lab | null = null
let mesh: Mesh | null = null
afterEach(async () => {
  await lab?.stop()
  await mesh?.stop()
})

describe('a link in a black hole', () => {
  it(
    'is suspected and replaced by another, unseen by the host',
    async (ctx) => {
      const why = whyNoLab()
      if (why !== null) console.warn(`real: the black hole was NOT tried: ${why}`)
      if (why !== null) ctx.skip(why)
      lab = await Lab.start(3)
      mesh = new Mesh(lab.homes, systemRandom, true)
      mesh.launch()
      await mesh.whole(START_MS)
      const [a, b, witness] = [mesh.node(0), mesh.node(1), mesh.node(2)]
      const before = await seen(a, b)
      const untouched = [await seen(witness, a), await seen(witness, b)]

      lab.cut(await dialledFrom(a, b))
      const doubts = (): readonly number[] =>
        [a, b].flatMap(({ told }) => told.flatMap(({ silentMs = [] }) => silentMs))
      await expect.poll(() => doubts().length, { timeout: SUSPECT_MS }).toBeGreaterThan(0)
      const suspectedAt = now()
      console.info(`real: black-holed link suspected after ${doubts()[0]?.toFixed(0) ?? '?'} ms of silence`)
      const replacement = async (): Promise<boolean> => {
        const ends = [await seen(a, b), await seen(b, a)].map(({ linkId }) => linkId)
        return ends[0] === ends[1] && ends[0] !== before.linkId
      }
      await expect.poll(replacement, { timeout: REPLACED_MS, interval: 25 }).toBe(true)
      const replacedMs = now() - suspectedAt
      const goneMs = (await mesh.whole(REPLACED_MS)) - suspectedAt
      console.info(
        `real: black-holed link replaced ${replacedMs.toFixed(0)} ms later, gone ${goneMs.toFixed(0)} ms later`,
      )

      expect(await mesh.mute()).toEqual([])
      expect([await seen(witness, a), await seen(witness, b)]).toEqual(untouched)
      expect(mesh.tellings('disconnect')).toEqual([])
      expect(mesh.tellings('connect')).toHaveLength(3 * 2)
      expect(mesh.tellings('error')).toEqual([])
    },
    START_MS + SUSPECT_MS + 2 * REPLACED_MS + START_MS,
  )
})

/** One node as another sees it. */
async function seen(from: MeshNode, whom: MeshNode): Promise<PeerSeen> {
  const peer = (await from.look())?.peers.find(({ id }) => id === whom.id)
  if (peer === undefined) throw new Error(`${from.name} is without ${whom.name}`)
  return peer
}

/** The port that the link between two was opened from: no other connection has it. */
async function dialledFrom(a: MeshNode, b: MeshNode): Promise<number> {
  const inbound = [await seen(a, b), await seen(b, a)].find(({ direction }) => direction === 'inbound')
  return Number(/:(\d+)$/.exec(inbound?.address ?? '')?.[1])
}

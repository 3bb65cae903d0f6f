/** Ten masternodes, thirty deaths within ten seconds: every one regains exactly its peers. The package must be built. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { Random } from '../../src/ports/clock.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { systemRandom } from '../../src/runtime/system.js'
import { loopbackHomes, Mesh } from './mesh.js'

const METRONOME = fileURLToPath(new URL('../fixtures/metronome.mjs', import.meta.url))
const NODES = 10
const KILLS = 30
const SPAN_MS = 10_000
/** Nobody dies again sooner: most of the deaths should hit a node that is linked. */
const REST_MS = 1_500
const DOWN_MAX_MS = 1_000
const START_MS = 30_000
/** Three times what is hoped for. */
const WHOLE_MS = 3 * 10_000

interface Kill {
  readonly atMs: number
  readonly victim: number
  /** Before it listens again. */
  readonly downMs: number
}

let mesh: Mesh | null = null
let metronome: ChildProcess | null = null
afterEach(async () => {
  metronome?.kill('SIGKILL')
  await mesh?.stop()
})

describe('a mesh in chaos', () => {
  it(
    'regains exactly its peers after thirty kills',
    async () => {
      const seed = Number(process.env['HOLDFAST_SEED'] ?? Math.floor(systemRandom.float() * 2 ** 32))
      const hint = `HOLDFAST_SEED=${String(seed)} repeats these kills`
      const random = new SeededRandom(seed)
      mesh = new Mesh(loopbackHomes(NODES), random, false)
      const kills = planKills(random)
      mesh.launch()
      await mesh.whole(START_MS, hint)
      await carryOut(kills, mesh)
      const wholeAt = await mesh.whole(WHOLE_MS, hint)
      const listeningAt = mesh.nodes.flatMap(({ told }) => told.filter(({ event }) => event === 'listening'))
      const wholeMs = wholeAt - Math.max(...listeningAt.map(({ at }) => at))
      console.info(
        `real: whole again ${wholeMs.toFixed(0)} ms after the last of ${String(KILLS)} kills' victims listened`,
      )
      expect(
        mesh.nodes.map(({ boot }) => boot - 1).reduce((sum, count) => sum + count),
        hint,
      ).toBe(KILLS)
      expect(await mesh.mute(), hint).toEqual([])
      expect(mesh.tellings('error'), hint).toEqual([])
    },
    START_MS + SPAN_MS + WHOLE_MS + START_MS,
  )
})

function planKills(random: Random): readonly Kill[] {
  const instants = Array.from({ length: KILLS }, () => random.float() * SPAN_MS).sort((a, b) => a - b)
  const diedAt = Array.from({ length: NODES }, () => Number.NEGATIVE_INFINITY)
  return instants.map((atMs) => {
    const rested = [...diedAt.keys()].filter((i) => atMs - (diedAt[i] ?? 0) >= REST_MS)
    // Chance may crowd the instants so that nobody has rested: then it is the one who has rested longest.
    const victim = rested[Math.floor(random.float() * rested.length)] ?? diedAt.indexOf(Math.min(...diedAt))
    diedAt[victim] = atMs
    return { atMs, victim, downMs: random.float() < 0.5 ? 0 : DOWN_MAX_MS * random.float() }
  })
}

/** Kills as planned, and starts each victim anew. Resolves once the last of them has a process again. */
async function carryOut(kills: readonly Kill[], { nodes }: Mesh): Promise<void> {
  metronome = fork(
    METRONOME,
    kills.map(({ atMs }) => String(atMs)),
    { stdio: ['ignore', 2, 2, 'ipc'] },
  )
  const done = once(metronome, 'close')
  const lives = nodes.map(async () => Promise.resolve())
  metronome.on('message', (beat: number) => {
    const { victim = 0, downMs } = kills[beat] ?? {}
    lives[victim] = (lives[victim] ?? Promise.resolve()).then(async () => {
      await nodes[victim]?.kill()
      nodes[victim]?.launch(downMs)
    })
  })
  await done
  await Promise.all(lives)
}

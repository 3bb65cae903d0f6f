/** A lab of swarms, and everything they told their hosts, with the instant at which they did. */
import type { SwarmEventName, SwarmEvents } from '../../src/swarm/events.js'
import type { SwarmLab, SwarmLabOptions } from '../../src/testing/index.js'
import { swarmLab } from '../../src/testing/index.js'

const EVENTS: readonly SwarmEventName[] = [
  'peer:connect',
  'peer:disconnect',
  'peer:suspect',
  'dial:failed',
  'inbound:refused',
  'partition:suspected',
  'partition:healed',
  'recovered',
]

export interface Heard<K extends SwarmEventName> {
  /** Virtual milliseconds. */
  readonly at: number
  readonly args: SwarmEvents[K]
}

export interface Ear {
  readonly lab: SwarmLab
  /** What one node told under one name, in order. */
  heard: <K extends SwarmEventName>(index: number, name: K) => Heard<K>[]
  /** Everything so far is forgotten. */
  forget: () => void
}

export function listen(options: SwarmLabOptions): Ear {
  let told: { readonly at: number; readonly index: number; readonly name: string; readonly args: unknown[] }[] = []
  const made: { lab: SwarmLab | null } = { lab: null }
  const lab = swarmLab({
    ...options,
    prepare: (swarm, index, boot) => {
      options.prepare?.(swarm, index, boot)
      for (const name of EVENTS)
        swarm.on(name, (...args: unknown[]) => {
          told.push({ at: made.lab?.now ?? 0, index, name, args })
        })
    },
  })
  made.lab = lab
  return {
    lab,
    heard: <K extends SwarmEventName>(index: number, name: K) =>
      told.filter((one) => one.index === index && one.name === name) as unknown as Heard<K>[],
    forget: () => {
      told = []
    },
  }
}

/** How many nodes the largest part of the network has in which everybody reaches everybody over links. */
export function largestPart(lab: SwarmLab): number {
  const part = Array.from({ length: lab.size }, (_, i) => i)
  const find = (i: number): number => {
    const up = part[i] ?? i
    return up === i ? i : find(up)
  }
  for (const [i, j] of lab.links()) part[find(i)] = find(j)
  const sizes = new Map<number, number>()
  for (let i = 0; i < lab.size; i++) if (lab.isRunning(i)) sizes.set(find(i), (sizes.get(find(i)) ?? 0) + 1)
  return Math.max(...sizes.values())
}

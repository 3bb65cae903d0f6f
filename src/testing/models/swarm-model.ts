/**
 * A network of swarms under any sequence of faults. S1 one link to a peer, the same at both ends; S2 slots and pending handshakes
 * within their limits; S3 masternodes find each other again; S4 none makes way; S5 one dial to a peer, and few in all; S6 none
 * too early, to itself or to the banned; S8 one close for every open, and silence after stop; S9 nothing is leaked; S10 each
 * message once, and never back to its sender; S11 queues are bounded; S12 a node without links dials; S13 only the listed are
 * masternodes; S14 one timer, and none after stop. S7 is a property of `judgeDuplicate`, and tested there.
 */
import type fc from 'fast-check'
import type { SwarmOptions } from '../../swarm/options.js'
import type { Any, FastCheck } from './sequence.js'
import { everybodyHears, reunited, settle } from './swarm-reunion.js'
import { SwarmWorld } from './swarm-world.js'

/** What `fc.assert` takes, to be awaited. */
export type AsyncModelProperty = fc.IAsyncProperty<unknown>

/** What the networks of {@link swarmModel} are made of. */
export interface SwarmModelOptions {
  /** Nodes that list each other, 2 or more. Default 4. */
  readonly masternodes?: number
  /** Nodes that begin with the first two of those. Default 3. */
  readonly others?: number
  /** Faults of one sequence at most. Default 40. */
  readonly commandsMax?: number
  /** A host's own parts for a node, by its index: new ones for each call, which is one for each process. Default: none. */
  readonly swarm?: (index: number) => Partial<SwarmOptions>
}

const CROWD_MAX = 24
const SIEGE_MAX = 80
/** More than may be dialled at once, trusted and others together. */
const VOIDS = 40

type Fault = fc.AsyncCommand<object, SwarmWorld>

/** The property that a network of swarms keeps S1 to S14 at every event, whatever is done to it, and is whole again afterwards. */
export function swarmModel(check: FastCheck, options: SwarmModelOptions = {}): AsyncModelProperty {
  const { masternodes = 4, others = 3, commandsMax = 40, swarm = () => ({}) } = options
  const faults = check.commands(faultsOf(check, masternodes + others), { maxCommands: commandsMax, size: 'max' })
  return check.asyncProperty(check.nat(), faults, async (seed: number, steps: Iterable<Fault>) => {
    const world = new SwarmWorld(seed, { masternodes, others, swarm })
    await check.asyncModelRun(() => ({ model: {}, real: world }), steps)
    await settle(world)
    await reunited(world, masternodes)
    await everybodyHears(world)
    for (let i = 0; i < world.size; i++) await world.stop(i)
  })
}

function fault(text: () => string, run: (world: SwarmWorld) => Promise<void> | void): Fault {
  return {
    check: () => true,
    run: async (_model, world) => {
      await run(world)
      await world.run(0)
    },
    toString: text,
  }
}

function faultsOf(check: FastCheck, size: number): Any<Fault>[] {
  const node = check.nat(size - 1)
  const pair = check.tuple(node, node)
  const wait = check.oneof(check.nat(100), check.nat(3_000), check.nat(40_000)).map((ms) =>
    fault(
      () => `wait ${String(ms)} ms`,
      (world) => world.run(ms),
    ),
  )
  return [
    wait,
    wait,
    wait,
    wait,
    wait,
    ...fatesOf(check, node),
    ...rifts(check, pair, size),
    ...deeds(check, node, pair),
    ...visits(check, node),
  ]
}

/** What happens to a process. */
function fatesOf(check: FastCheck, node: Any<number>): Any<Fault>[] {
  return [
    node.map((i) =>
      fault(
        () => `start ${String(i)}`,
        (world) => {
          world.start(i)
        },
      ),
    ),
    node.map((i) =>
      fault(
        () => `start ${String(i)} `,
        (world) => {
          world.start(i)
        },
      ),
    ),
    node.map((i) =>
      fault(
        () => `stop ${String(i)}`,
        (world) => world.stop(i),
      ),
    ),
    check.tuple(node, check.boolean()).map(([i, silent]) =>
      fault(
        () => `kill ${String(i)}${silent ? ' with its machine' : ''}`,
        (world) => {
          world.kill(i, silent)
        },
      ),
    ),
    check.tuple(node, check.integer({ min: 1, max: 30_000 })).map(([i, ms]) =>
      fault(
        () => `freeze ${String(i)} for ${String(ms)} ms`,
        (world) => {
          world.freeze(i, ms)
        },
      ),
    ),
  ]
}

/** What happens between them. */
function rifts(check: FastCheck, pair: Any<[number, number]>, size: number): Any<Fault>[] {
  const side = check.subarray(
    Array.from({ length: size }, (_, i) => i),
    { minLength: 1, maxLength: size - 1 },
  )
  return [
    side.map((some) =>
      fault(
        () => `split off ${some.join(', ')}`,
        (world) => {
          world.split(new Set(some))
        },
      ),
    ),
    check.constant(null).map(() =>
      fault(
        () => 'heal',
        (world) => {
          world.heal()
        },
      ),
    ),
    pair.map(([i, j]) =>
      fault(
        () => `silence ${String(i)} and ${String(j)}`,
        (world) => {
          world.silence(i, j)
        },
      ),
    ),
    pair.map(([i, j]) =>
      fault(
        () => `reset ${String(i)} and ${String(j)}`,
        (world) => {
          world.reset(i, j)
        },
      ),
    ),
  ]
}

/** What hosts do. */
function deeds(check: FastCheck, node: Any<number>, pair: Any<[number, number]>): Any<Fault>[] {
  const many = check.tuple(node, check.integer({ min: 1, max: 60 }), check.integer({ min: 10, max: 8_000 }))
  return [
    pair.map(([i, j]) =>
      fault(
        () => `${String(i)} bans ${String(j)}`,
        (world) => {
          world.ban(i, j, 30_000)
        },
      ),
    ),
    pair.map(([i, j]) =>
      fault(
        () => `${String(i)} dials ${String(j)}`,
        (world) => {
          world.dial(i, j)
        },
      ),
    ),
    pair.map(([i, j]) =>
      fault(
        () => `${String(j)} dials ${String(i)}, too`,
        (world) => {
          world.dial(i, j)
          world.dial(j, i)
        },
      ),
    ),
    pair.map(([i, j]) =>
      fault(
        () => `${String(i)} closes ${String(j)}`,
        (world) => {
          world.close(i, j)
        },
      ),
    ),
    many.map(([i, count, bytes]) =>
      fault(
        () => `${String(i)} says ${String(count)} times ${String(bytes)} bytes`,
        (world) => {
          world.broadcast(i, count, bytes)
        },
      ),
    ),
    node.map((i) =>
      fault(
        () => `${String(i)} takes one more kind of message`,
        (world) => {
          world.learnMore(i)
        },
      ),
    ),
    node.map((i) =>
      fault(
        () => `${String(i)} dials ${String(VOIDS)} places where nobody is`,
        (world) => {
          world.dialVoids(i, VOIDS)
        },
      ),
    ),
  ]
}

/** What strangers do. */
function visits(check: FastCheck, node: Any<number>): Any<Fault>[] {
  return [
    check.tuple(node, check.integer({ min: 1, max: CROWD_MAX })).map(([i, count]) =>
      fault(
        () => `${String(count)} strangers come to ${String(i)}`,
        (world) => {
          world.crowd(i, count)
        },
      ),
    ),
    check.tuple(node, check.integer({ min: 1, max: SIEGE_MAX })).map(([i, count]) =>
      fault(
        () => `${String(count)} silent links to ${String(i)}`,
        (world) => {
          world.siege(i, count)
        },
      ),
    ),
    check.constant(null).map(() =>
      fault(
        () => 'strangers go',
        (world) => {
          world.disperse()
        },
      ),
    ),
  ]
}

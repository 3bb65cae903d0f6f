/**
 * A blacklist against a naive one. L1 exempt ids are never banned, and still have points; L2 banned exactly where points reach
 * the limit; L3 until exactly then, and repeating never shortens; L4 points only fall; L5 bounded, and bans outlive points; L6 an
 * IP is one however it is written; L7 a restart keeps what was left; L8 weights that are not above 0 change nothing.
 */
import type { Ban } from '../../policy/ban.js'
import type { Blacklist } from '../../policy/blacklist.js'
import type { PeerId } from '../../ports/types.js'
import { isClose, must, mustEqual, shown } from '../invariants.js'
import { IDS, MINUTE_MS, orderables, ROOMY, shortOptions, steps, suspects, told } from './blacklist-arbitraries.js'
import type { BlacklistModelOptions, ExpectedBan, Suspect } from './naive-blacklist.js'
import { NaiveBlacklist } from './naive-blacklist.js'
import type { Any, FastCheck, ModelProperty, Step } from './sequence.js'
import { sequences, step } from './sequence.js'

/** What the model asks of a blacklist. */
export type BlacklistUnderTest = Pick<
  Blacklist,
  'size' | 'strike' | 'ban' | 'unban' | 'check' | 'exempt' | 'unexempt' | 'points' | 'list' | 'toJSON' | 'restore'
>

interface Held {
  list: BlacklistUnderTest
  readonly create: () => BlacklistUnderTest
}

type BlacklistStep = Step<NaiveBlacklist, Held>

/**
 * The property that a blacklist does what a naive one does. Where `keysMax` is smaller than the keys of a sequence, points are
 * the list's own affair, and only bounds, the host's bans, and the latest bans by strikes are checked.
 * @param create makes an empty list with these options
 * @param options which options to try; default: any within few minutes and few points
 */
export function blacklistModel(
  check: FastCheck,
  create: (options: BlacklistModelOptions) => BlacklistUnderTest,
  options: Any<BlacklistModelOptions> = shortOptions(check),
): ModelProperty {
  return sequences<BlacklistModelOptions, NaiveBlacklist, Held>(check, {
    options,
    commands: [...strikesOf(check), ...ordersOf(check), restartOf(check)],
    begin: (given) => {
      const make = (): BlacklistUnderTest => create(given)
      return { model: new NaiveBlacklist(given), real: { list: make(), create: make } }
    },
  })
}

function strikesOf(check: FastCheck): Any<BlacklistStep>[] {
  const strike = (weights: Any<number | undefined>): Any<BlacklistStep> =>
    check.tuple(suspects(check), weights, steps(check)).map(([suspect, points, stepMs]) =>
      step(
        () => `strike ${told(suspect)} with ${shown(points)} after ${String(stepMs)} ms`,
        (model, { list }) => {
          model.pass(stepMs)
          struck(model, list, suspect, points)
          hold(model, list, suspect)
        },
      ),
    )
  return [
    strike(check.constantFrom(undefined, 1, 20, 50, Infinity)),
    strike(check.integer({ min: 1, max: 200 })),
    strike(check.constantFrom(0, -0, -20, NaN, -Infinity)),
  ]
}

function struck(model: NaiveBlacklist, list: BlacklistUnderTest, suspect: Suspect, weight: number | undefined): void {
  const points = weight ?? model.options.strikePoints
  const given = weight === undefined ? {} : { points: weight }
  const size = list.size.scores
  const answer = list.strike({ peerId: suspect.peerId, ip: suspect.ip?.text ?? null, ...given }, model.now)
  const isExempt = suspect.peerId !== null && model.exempt.has(suspect.peerId)
  must(!isExempt || answer.banned.length === 0, 'L1', () => `an exempt id was banned: ${shown(answer)}`)
  const keys = model.keysOf(suspect)
  if (!(points > 0)) {
    must(answer.banned.length === 0, 'L8', () => shown(answer))
    mustEqual(list.size.scores, size, 'L8', () => 'the number of keys with points')
  }
  const expected = points > 0 ? foretell(model, suspect, keys, points, answer.banned) : []
  if (!isRoomy(model)) return
  const bans = answer.banned
  const agree =
    bans.length === expected.length &&
    expected.every(({ key, untilAt }, i) => bans[i]?.key === key && isClose(endOf(bans[i]), untilAt))
  must(agree, 'L2', () => `banned ${shown(bans)}, and should be ${shown(expected)}`)
  const [first] = keys
  const sum = first === undefined ? 0 : model.pointsOf(first)
  must(
    isClose(answer.points, sum),
    points > 0 ? 'L2' : 'L8',
    () => `${shown(answer.points)} points, not ${String(sum)}`,
  )
}

/** What a strike should lead to. Where the list has too little room for its points, its own word is taken for it. */
function foretell(
  model: NaiveBlacklist,
  { peerId, ip }: Suspect,
  keys: readonly string[],
  points: number,
  answered: readonly Ban[],
): readonly ExpectedBan[] {
  if (!isRoomy(model)) {
    for (const ban of answered) {
      must(model.kept(ban.key) === null, 'L3', () => `${ban.key} is banned twice`)
      model.strike(ban.key, endOf(ban))
    }
    return answered.map((ban) => ({ key: ban.key, untilAt: endOf(ban) }))
  }
  const bans: ExpectedBan[] = []
  for (const key of keys) {
    const isExact = (model.points.get(key)?.at ?? model.now) === model.now
    const sum = model.addPoints(key, points)
    if (peerId !== null && model.exempt.has(peerId)) continue
    // A decayed sum that is the limit but for a rounding may fall on either side of it.
    const mayBe = isClose(sum, model.options.banAt) && !(isExact && Number.isInteger(sum))
    const reached = mayBe ? answered.some((ban) => ban.key === key) : sum >= model.options.banAt
    if (reached && model.live(key) === null)
      bans.push(...model.banned(key, key === peerId, key === peerId ? null : (ip?.subnet ?? null)))
  }
  return bans
}

function ordersOf(check: FastCheck): Any<BlacklistStep>[] {
  const orderable = orderables(check)
  const untils = check.oneof(check.constant(Infinity), check.integer({ min: -10, max: 20 * MINUTE_MS }))
  return [
    check.tuple(orderable, untils, steps(check)).map(([{ text, key, suspect }, forMs, stepMs]) =>
      step(
        () => `ban ${text} for ${String(forMs)} ms after ${String(stepMs)} ms`,
        (model, { list }) => {
          model.pass(stepMs)
          const untilAt = model.now + forMs
          const answer = list.ban(text, forMs === Infinity ? 'permanent' : untilAt, 'by hand', model.now)
          const isExempt = model.exempt.has(key as PeerId)
          const expected = isExempt ? 'exempt' : model.order(key, untilAt) ? 'banned' : 'full'
          mustEqual(answer, expected, isExempt ? 'L1' : 'L5', () => `a ban of ${text}`)
          hold(model, list, suspect)
        },
      ),
    ),
    orderable.map(({ text, key, suspect }) =>
      step(
        () => `unban ${text}`,
        (model, { list }) => {
          const isSure = model.kept(key) !== null
          const had = list.unban(text)
          must(had || !isSure, 'L3', () => `${text} was banned, and nothing was lifted`)
          model.lift(key)
          mustEqual(list.points(text, model.now), 0, 'L3', () => `the points of ${text} once lifted`)
          hold(model, list, suspect)
        },
      ),
    ),
    exemptionsOf(check),
  ]
}

function exemptionsOf(check: FastCheck): Any<BlacklistStep> {
  return check.tuple(check.constantFrom(...IDS), check.boolean()).map(([id, isExempt]) =>
    step(
      () => `${isExempt ? 'exempt' : 'unexempt'} ${told({ peerId: id, ip: null })}`,
      (model, { list }) => {
        if (isExempt) {
          list.exempt(id)
          model.makeExempt(id)
        } else {
          list.unexempt(id)
          model.exempt.delete(id)
        }
        hold(model, list, { peerId: id, ip: null })
      },
    ),
  )
}

function restartOf(check: FastCheck): Any<BlacklistStep> {
  const passed = check.oneof(check.nat(10 * MINUTE_MS), check.integer({ min: -10 * MINUTE_MS, max: -1 }))
  const listed = check.option(check.constantFrom(...IDS), { freq: 2 })
  const order = check.boolean()
  return check.tuple(check.nat(1_000_000), passed, order, listed).map(([now, passedMs, exemptFirst, id]) =>
    step(
      () =>
        `restart at ${String(now)}, ${String(passedMs)} ms later, ${id?.slice(0, 1) ?? 'nobody'} exempt from now on`,
      (model, held) => {
        const stored: unknown = JSON.parse(JSON.stringify(held.list.toJSON(model.now, model.wall)))
        const list = held.create()
        if (id !== null) model.makeExempt(id)
        const exempt = (): void => {
          for (const one of model.exempt) list.exempt(one)
        }
        if (exemptFirst) exempt()
        list.restore(stored, now, model.wall + passedMs)
        if (!exemptFirst) exempt()
        held.list = list
        model.restart(now, passedMs)
        for (const peerId of IDS) hold(model, list, { peerId, ip: null }, 'L7')
        mustEqual(list.list(now).length <= 2 * model.options.keysMax, true, 'L5', () => 'whether bans are bounded')
      },
    ),
  )
}

/** What holds after every command. */
function hold(model: NaiveBlacklist, list: BlacklistUnderTest, suspect: Suspect, name: string = 'L3'): void {
  const { keysMax } = model.options
  const { size } = list
  must(size.scores <= keysMax && size.bans <= 2 * keysMax, 'L5', () => `${shown(size)} within ${String(keysMax)}`)
  for (const peerId of model.exempt) {
    const ban = list.check({ peerId, ip: suspect.ip?.text ?? null }, model.now)
    must(ban === null, 'L1', () => `an exempt id is kept out: ${shown(ban)}`)
  }
  agree(model, list, suspect, name)
  for (const peerId of IDS) agree(model, list, { peerId, ip: null }, name)
  if (suspect.ip !== null && suspect.peerId !== null) agree(model, list, { peerId: null, ip: suspect.ip }, 'L6')
  const [key] = model.keysOf(suspect)
  if (key === undefined) return
  const points = list.points(key, model.now)
  must(!isRoomy(model) || isClose(points, model.pointsOf(key)), 'L4', () => `${shown(points)} points of ${key}`)
  must(points >= 0 && points <= 1_000, 'L4', () => `${shown(points)} points`)
  if (suspect.peerId !== null) must(list.points(key, model.now + 1_000) <= points, 'L4', () => 'points that grow')
}

function agree(model: NaiveBlacklist, list: BlacklistUnderTest, suspect: Suspect, name: string): void {
  const ban = list.check({ peerId: suspect.peerId, ip: suspect.ip?.text ?? null }, model.now)
  const expected = model.check(suspect)
  must(ban === null || endOf(ban) > model.now, 'L3', () => `an ended ban is held: ${shown(ban)}`)
  const same = ban?.key === expected?.key && isClose(endOf(ban ?? undefined), expected?.untilAt ?? -Infinity)
  const fits = isRoomy(model) ? same : mayHold(model, suspect, ban)
  must(fits, name, () => `${told(suspect)} has ${shown(ban)}, and should have ${shown(expected)}`)
}

/** Whether this is an answer of a list that had to forget: bans that are kept whatever happens are there, and no others are. */
function mayHold(model: NaiveBlacklist, suspect: Suspect, ban: Ban | null): boolean {
  for (const key of model.barriers(suspect)) {
    const least = model.kept(key)
    if (ban?.key !== key) {
      if (least !== null) return false
      continue
    }
    const most = model.live(key)?.untilAt ?? -Infinity
    const untilAt = endOf(ban)
    return (
      (untilAt <= most || isClose(untilAt, most)) && (untilAt >= (least ?? -Infinity) || isClose(untilAt, least ?? 0))
    )
  }
  return ban === null
}

function isRoomy({ options }: NaiveBlacklist): boolean {
  return options.keysMax >= ROOMY
}

function endOf(ban: Ban | undefined): number {
  return ban === undefined ? -Infinity : ban.untilAt === 'permanent' ? Infinity : ban.untilAt
}

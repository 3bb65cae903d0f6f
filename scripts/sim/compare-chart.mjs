/**
 * Draws the figures of `compare` as SVG, by hand: a panel for each split, a row for each schedule, time to the right on a
 * logarithmic axis. It brings its own background, so that it reads the same on a light page and on a dark one. Pure.
 */
import { EDGE, escaped, FAINT, GRID, INK, OURS_INK, PAPER, round, text } from '../svg.mjs'
import { missingWord, shareWord, spell } from './compare-figures.mjs'
import { OURS, SCHEDULES } from './compare-schedules.mjs'

const OURS_BAND = '#e9f7f0'
const OTHERS_INK = '#3b5b8c'
const LOST_INK = '#b3261e'

const MARGIN = 28
const NAMES_WIDTH = 292
const PANEL_WIDTH = 252
const PANEL_GAP = 20
/** The sentence under the title needs it, however few panels there are. */
const WIDTH_MIN = 880
const HEAD = 134
const ROW = 46
const FOOT = 96
/** Where a value may stand right of its point, inside the panel. */
const VALUE_ROOM = 62

const TICKS = [1_000, 10_000, 60_000, 600_000, 3_600_000]
const LEAST_MS = 1_000

/** @param report what `compare` prints as JSON */
export function drawChart({ nodes, schedules, capMs }) {
  const splits = schedules[0]?.splits ?? []
  const width = Math.max(WIDTH_MIN, 2 * MARGIN + NAMES_WIDTH + splits.length * (PANEL_WIDTH + PANEL_GAP) - PANEL_GAP)
  const height = HEAD + schedules.length * ROW + FOOT
  const at = (ms) => {
    const share = Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(capMs / LEAST_MS)
    return share * (PANEL_WIDTH - VALUE_ROOM)
  }
  const title = 'Time to heal after a network split'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title about" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="13">`,
    `<title id="title">${title}</title>`,
    `<desc id="about">${escaped(inWords(schedules, capMs))}</desc>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${PAPER}" stroke="${EDGE}"/>`,
    text(MARGIN, 40, title, { size: 21, weight: 650 }),
    text(
      MARGIN,
      63,
      `${nodes} masternodes split in half, then reunited: how long until every pair is linked again, by how each project redials a lost peer`,
      { fill: FAINT },
    ),
    ...schedules.flatMap(({ name }, row) => nameOf(name, row, width)),
    ...splits.flatMap((_, column) => panelOf(schedules, column, { at, capMs })),
    ...footOf(splits, height, width),
    '</svg>',
    '',
  ].join('\n')
}

function nameOf(name, row, width) {
  const y = HEAD + row * ROW
  const brief = SCHEDULES.find((schedule) => schedule.name === name)?.brief ?? ''
  const ours = name === OURS
  return [
    ...(ours
      ? [
          `<rect x="${MARGIN - 12}" y="${y + 1}" width="${width - 2 * MARGIN + 24}" height="${ROW - 2}" rx="6" fill="${OURS_BAND}"/>`,
        ]
      : []),
    text(MARGIN, y + 20, name, { weight: 650, size: 14, fill: ours ? OURS_INK : INK }),
    text(MARGIN, y + 36, brief, { size: 11.5, fill: FAINT }),
  ]
}

function panelOf(schedules, column, { at, capMs }) {
  const left = MARGIN + NAMES_WIDTH + column * (PANEL_WIDTH + PANEL_GAP)
  const bottom = HEAD + schedules.length * ROW
  const { splitMs, seeds } = schedules[0].splits[column]
  const ticks = TICKS.filter((ms) => ms <= capMs).flatMap((ms) => {
    const x = round(left + at(ms))
    return [
      `<line x1="${x}" y1="${HEAD - 4}" x2="${x}" y2="${bottom}" stroke="${GRID}"/>`,
      text(x, bottom + 17, spell(ms), { size: 11, fill: FAINT, anchor: 'middle' }),
    ]
  })
  const ours = schedules.find(({ name }) => name === OURS)?.splits[column]?.ttmP95Ms ?? null
  const mark =
    ours === null
      ? []
      : [
          `<line x1="${round(left + at(ours))}" y1="${HEAD + ROW}" x2="${round(left + at(ours))}" y2="${bottom}" stroke="${OURS_INK}" stroke-dasharray="2 4"/>`,
        ]
  return [
    text(left, HEAD - 32, `after a split of ${spell(splitMs)}`, { weight: 650, size: 14 }),
    text(left, HEAD - 15, seedsWord(seeds), { size: 11.5, fill: FAINT }),
    ...ticks,
    ...mark,
    ...schedules.flatMap(({ name, splits }, row) =>
      valueOf(splits[column], { left, y: HEAD + row * ROW + ROW / 2, ours: name === OURS, at, capMs }),
    ),
  ]
}

/** The nearest rank makes p95 of fewer than twenty runs the slowest of them. */
function seedsWord(seeds) {
  if (seeds === 1) return 'one run'
  return seeds < 20 ? `the slowest of ${seeds} runs (p95)` : `p95 of ${seeds} runs`
}

/** A point at p95, a bar to it from p50, and the value beside it; a cross where there is no value. */
function valueOf(figure, { left, y, ours, at, capMs }) {
  const { ttmP50Ms, ttmP95Ms } = figure
  const fill = ours ? OURS_INK : OTHERS_INK
  const bar = (fromMs, toX, dash) =>
    `<line x1="${round(left + at(fromMs))}" y1="${y}" x2="${toX}" y2="${y}" stroke="${fill}" stroke-width="3" stroke-linecap="round"${dash}/>`
  if (ttmP95Ms === null) {
    const x = round(left + at(capMs))
    const cross = `<path d="M${round(x - 5)} ${y - 5}l10 10m0 -10l-10 10" stroke="${LOST_INK}" stroke-width="2.5" stroke-linecap="round"/>`
    return [
      ...(ttmP50Ms === null ? [] : [bar(ttmP50Ms, round(x - 10), ' stroke-dasharray="1 6" opacity="0.6"')]),
      cross,
      text(x + 12, y + 4.5, missingWord(figure, capMs), { weight: 650, fill: LOST_INK }),
      ...(shareWord(figure) === '' ? [] : [text(x + 12, y + 18, shareWord(figure), { size: 11, fill: LOST_INK })]),
    ]
  }
  const x = round(left + at(ttmP95Ms))
  return [
    ...(ttmP50Ms === null || ttmP50Ms === ttmP95Ms ? [] : [bar(ttmP50Ms, x, ' opacity="0.45"')]),
    `<circle cx="${x}" cy="${y}" r="${ours ? 7 : 5.5}" fill="${fill}"/>`,
    text(x + 12, y + 4.5, spell(ttmP95Ms), { weight: ours ? 700 : 550, fill: ours ? OURS_INK : INK }),
  ]
}

function footOf(splits, height, width) {
  const bar = splits.some(({ seeds }) => seeds > 1) ? 'The bar at a point begins at p50. ' : ''
  return [
    text(
      MARGIN,
      height - 46,
      `${bar}Axis logarithmic. Dashed: holdfast's own figure. never: both ends of a pair gave up.`,
      {
        size: 11.5,
        fill: FAINT,
      },
    ),
    text(
      MARGIN,
      height - 27,
      'Simulated in virtual time by npm run sim -- compare: one network, one detection of failures, one code; only the habits of redialling differ.',
      { size: 11.5, fill: FAINT },
    ),
    `<line x1="${MARGIN}" y1="${height - 64}" x2="${width - MARGIN}" y2="${height - 64}" stroke="${GRID}"/>`,
  ]
}

function inWords(schedules, capMs) {
  return schedules
    .map(({ name, splits }) => {
      const words = splits.map((figure) => {
        const { splitMs, ttmP95Ms } = figure
        return `${ttmP95Ms === null ? missingWord(figure, capMs) : spell(ttmP95Ms)} after ${spell(splitMs)}`
      })
      return `${name}: ${words.join(', ')}.`
    })
    .join(' ')
}

/**
 * Draws what was compared as SVG: a row for each work, its axis how many times as fast as raw TLS a system is, logarithmic, so that
 * raw TLS is one line from top to bottom. Pure.
 */
import { EDGE, escaped, FAINT, GRID, INK, OURS_INK, PAPER, round, text } from '../scripts/svg.mjs'

const MARGIN = 28
const NAMES_WIDTH = 300
const PLOT_WIDTH = 560
const HEAD = 118
const ROW = 40
const FOOT = 62
const WIDTH = 2 * MARGIN + NAMES_WIDTH + PLOT_WIDTH
const TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]
const BASE = 'tls'
/** Who is shown, and how. */
const SHOWN = /** @type {Record<string, { label: string, fill: string }>} */ ({
  tcp: { label: 'raw TCP, in the clear', fill: '#9aa5b1' },
  ws: { label: 'ws, in the clear', fill: '#3b5b8c' },
  libp2p: { label: 'libp2p', fill: '#b26a00' },
  hyperswarm: { label: 'hyperswarm', fill: '#7a3e9d' },
  holdfast: { label: 'holdfast', fill: OURS_INK },
})

/**
 * @typedef {{ work: string, about: string, figure: string | null, ratio: { toTls: number | null }, systems: Record<string, any> }} Report
 * @typedef {{ name: string, times: number }} Point
 */

/** @param {readonly Report[]} reports what the benchmark prints as JSON */
export function drawChart(reports) {
  const rows = reports
    .map((report) => ({ work: report.work, about: report.about, points: pointsOf(report) }))
    .filter(({ points }) => points.some(({ name }) => name === 'holdfast'))
  const all = rows.flatMap(({ points }) => points.map(({ times }) => times))
  const least = Math.max(...TICKS.filter((tick) => tick <= Math.min(1, ...all)), TICKS[0])
  const most = Math.min(...TICKS.filter((tick) => tick >= Math.max(1, ...all)), TICKS.at(-1) ?? 1)
  const left = MARGIN + NAMES_WIDTH
  const at = (/** @type {number} */ times) => {
    const share = Math.log(Math.min(Math.max(times, least), most) / least) / Math.log(most / least)
    return left + share * (PLOT_WIDTH - 24)
  }
  const height = HEAD + rows.length * ROW + FOOT
  const bottom = HEAD + rows.length * ROW
  const names = Object.keys(SHOWN).filter((name) => rows.some(({ points }) => points.some((point) => point.name === name)))
  const title = 'How fast, beside raw TLS 1.3'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title about" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="13">`,
    `<title id="title">${title}</title>`,
    `<desc id="about">${escaped(inWords(rows))}</desc>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10" fill="${PAPER}" stroke="${EDGE}"/>`,
    text(MARGIN, 40, title, { size: 21, weight: 650 }),
    text(MARGIN, 63, 'Times as fast as raw TLS at the same work in the same run: to the right is better', { fill: FAINT }),
    ...legend(names),
    ...TICKS.filter((tick) => tick >= least && tick <= most).flatMap((tick) => tickOf(tick, at(tick), bottom)),
    ...rows.flatMap((row, index) => rowOf(row, HEAD + index * ROW, at)),
    text(MARGIN, height - 18, 'npm run bench -- --svg FILE draws it again. holdfast is authenticated, encrypted and deduplicated throughout.', {
      size: 11.5,
      fill: FAINT,
    }),
    '</svg>',
    '',
  ].join('\n')
}

/** Of costs less is more. @param {Report} report @returns {Point[]} */
function pointsOf({ figure, systems, ratio: { toTls } }) {
  const base = figure === null ? undefined : systems[BASE]?.[figure]
  if (figure === null || !(base > 0)) return []
  const isRate = figure.endsWith('PerSec')
  return Object.keys(SHOWN).flatMap((name) => {
    const ratio = name === 'holdfast' && toTls !== null ? toTls : systems[name]?.[figure] / base
    return ratio > 0 ? [{ name, times: isRate ? ratio : 1 / ratio }] : []
  })
}

/** @param {{ work: string, about: string, points: readonly Point[] }} row @param {number} y @param {(times: number) => number} at */
function rowOf({ work, about, points }, y, at) {
  const middle = y + ROW / 2
  const ours = points.find(({ name }) => name === 'holdfast')
  return [
    text(MARGIN, middle - 2, work, { weight: 650 }),
    text(MARGIN, middle + 13, about, { size: 11, fill: FAINT }),
    ...points.map(({ name, times }) => {
      const isOurs = name === 'holdfast'
      return `<circle cx="${round(at(times))}" cy="${round(middle)}" r="${isOurs ? 6.5 : 4.5}" fill="${SHOWN[name]?.fill}"/>`
    }),
    ...(ours === undefined
      ? []
      : [text(at(ours.times), middle - 10, words(ours.times), { size: 11, weight: 700, fill: OURS_INK, anchor: 'middle' })]),
  ]
}

/** @param {number} tick @param {number} x @param {number} bottom */
function tickOf(tick, x, bottom) {
  const isBase = tick === 1
  return [
    `<line x1="${round(x)}" y1="${HEAD - 4}" x2="${round(x)}" y2="${bottom}" stroke="${isBase ? INK : GRID}"/>`,
    text(x, bottom + 17, isBase ? 'raw TLS' : `× ${tick}`, { size: 11, fill: FAINT, anchor: 'middle' }),
  ]
}

/** @param {readonly string[]} names */
function legend(names) {
  const left = MARGIN + NAMES_WIDTH
  return names.flatMap((name, index) => {
    const x = left + index * 170
    const { label, fill } = SHOWN[name] ?? { label: name, fill: INK }
    return [`<circle cx="${x + 5}" cy="${HEAD - 26}" r="4.5" fill="${fill}"/>`, text(x + 15, HEAD - 22, label, { size: 11.5 })]
  })
}

const words = (/** @type {number} */ times) => `× ${Number(times.toPrecision(2))}`

/** @param {readonly { work: string, points: readonly Point[] }[]} rows */
function inWords(rows) {
  return rows
    .map(({ work, points }) => `${work}: ${points.map(({ name, times }) => `${name} ${words(times)}`).join(', ')}.`)
    .join(' ')
}

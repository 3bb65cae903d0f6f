/** Medians over the rounds; a ratio is the median of each round's own ratio, since only what ran side by side compares. */

/**
 * @typedef {object} Sample
 * @property {number} round
 * @property {string} system
 * @property {Record<string, any>} figures
 */

/** @param {{ work: string, rounds: number, about: { about: string, figure: string | null }, samples: readonly Sample[], load: readonly number[] }} given */
export function reportOf({ work, rounds, about, samples, load }) {
  const names = [...new Set(samples.map(({ system }) => system))].sort((a, b) => order(a) - order(b))
  const { figure } = about
  const ratioOf = (/** @type {string} */ ours, /** @type {string} */ theirs) =>
    figure === null ? null : ratio(samples, figure, ours, theirs)
  const json = names.includes('holdfast-json') ? { jsonToTlsJson: ratioOf('holdfast-json', 'tls-json') } : {}
  return {
    work,
    about: about.about,
    figure,
    rounds,
    load: load.map((one) => Math.round(one * 100) / 100),
    systems: Object.fromEntries(names.map((name) => [name, summary(samples.filter(({ system }) => system === name))])),
    ratio: { toTls: ratioOf('holdfast', 'tls'), toTcp: ratioOf('holdfast', 'tcp'), ...json },
  }
}

const ORDER = ['holdfast', 'tcp', 'tls', 'ws']
const order = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)

/** @param {readonly Sample[]} samples of one system */
function summary(samples) {
  const all = samples.map(({ figures }) => figures)
  const names = [...new Set(all.flatMap((figures) => Object.keys(figures)))]
  const merged = names.map((name) => {
    const given = all.map((figures) => figures[name]).filter((value) => value !== undefined)
    if (given.every((value) => typeof value === 'number')) return [name, median(given)]
    if (name === 'complete') return [name, given.every(Boolean)]
    return [name, given.at(-1)]
  })
  return Object.fromEntries(merged)
}

/** @param {readonly Sample[]} samples @param {string} figure @param {string} ours @param {string} theirs */
function ratio(samples, figure, ours, theirs) {
  const of = (/** @type {string} */ name, /** @type {number} */ round) =>
    samples.find((sample) => sample.system === name && sample.round === round)?.figures[figure]
  const rounds = [...new Set(samples.map(({ round }) => round))]
  return median(rounds.map((round) => of(ours, round) / of(theirs, round)))
}

/** @param {readonly number[]} values @returns {number | null} null where there is none */
export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** For people: a line for each system. @param {ReturnType<typeof reportOf>} report */
export function table({ work, about, figure, rounds, load, systems, ratio: ratios }) {
  const names = Object.keys(systems)
  const columns = [...new Set(Object.values(systems).flatMap((figures) => Object.keys(figures)))]
  const compared = (/** @type {string} */ name) => (name === figure ? `*${name}` : name)
  const rows = [
    ['system', ...columns.map(compared)],
    ...names.map((name) => [name, ...columns.map((column) => text(systems[name]?.[column]))]),
  ]
  const ratioText = Object.entries(ratios)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${text(value)}`)
  const foot = ratioText.length === 0 ? [] : [`*${figure}: ${ratioText.join(', ')}`]
  const head = `${work}: ${about} (rounds: ${rounds}; load ${load.join(' → ')})`
  return `${[head, aligned(rows), ...foot].join('\n')}\n`
}

/**
 * For people, of a work that is compared with nobody: a line for each figure, a table for each list.
 * @param {{ work: string, about: string, load: readonly number[] }} report
 */
export function sheet({ work, about, load, ...rest }) {
  const head = `${work}: ${about} (load ${load.map((one) => text(one)).join(' → ')})`
  const isRow = (/** @type {unknown} */ value) => typeof value === 'object' && value !== null && !Array.isArray(value)
  const brief = (/** @type {object} */ row) =>
    Object.entries(row)
      .map(([name, value]) => `${name} ${text(value)}`)
      .join(', ')
  const entries = Object.entries(rest)
  const width = Math.max(0, ...entries.map(([name]) => name.length))
  const lines = entries
    .filter(([, value]) => !Array.isArray(value))
    .map(([name, value]) => `${name.padEnd(width)}  ${isRow(value) ? brief(value) : text(value)}`)
  const tables = entries.filter(([, value]) => Array.isArray(value)).map(([name, rows]) => `\n${name}\n${grid(rows)}`)
  return `${[head, ...lines, ...tables].join('\n')}\n`
}

/** @param {readonly Record<string, unknown>[]} rows */
function grid(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return aligned([names, ...rows.map((row) => names.map((name) => text(row[name])))])
}

/** @param {readonly (readonly string[])[]} rows */
function aligned(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n')
}

function text(/** @type {unknown} */ value) {
  if (value === undefined || value === null) return '-'
  if (typeof value !== 'number') return String(value)
  const size = Math.abs(value)
  return size >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

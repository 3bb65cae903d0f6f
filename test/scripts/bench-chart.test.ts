/** What the benchmark draws: every system's figure as how many times as fast as raw TLS it is. */
import { describe, expect, it } from 'vitest'
import { drawChart } from '../../bench/chart.mjs'

const cost = {
  work: 'link-100',
  about: 'one link, 100 B & more',
  figure: 'cpuSecPerMillion',
  ratio: { toTls: 4 },
  systems: {
    holdfast: { cpuSecPerMillion: 0.5 },
    tcp: { cpuSecPerMillion: 0.05 },
    tls: { cpuSecPerMillion: 0.1 },
    ws: { cpuSecPerMillion: 2 },
    'tls-json': { cpuSecPerMillion: 1 },
  },
}
const rate = {
  work: 'dial',
  about: 'links authenticated',
  figure: 'dialsPerSec',
  ratio: { toTls: 0.5 },
  systems: { holdfast: { dialsPerSec: 500 }, tls: { dialsPerSec: 900 }, tcp: {} },
}
const alone = {
  work: 'footprint',
  about: 'what is installed',
  figure: null,
  ratio: { toTls: null },
  systems: { holdfast: {} },
}

describe('the chart of the benchmark', () => {
  const svg = drawChart([cost, rate, alone])

  it('says how many times as fast as raw TLS each system is: of costs the inverse, and of holdfast the median of its rounds', () => {
    expect(svg).toContain('link-100: tcp × 2, ws × 0.05, holdfast × 0.25. dial: holdfast × 0.5.</desc>')
  })

  it('draws a point for each of them and one in its legend, and nothing of what was compared with nobody', () => {
    expect(svg.match(/r="4\.5" fill/g)?.length).toBe(2 + 3)
    expect(svg.match(/r="6\.5" fill/g)?.length).toBe(2)
    expect(svg).not.toContain('footprint')
  })

  it('is well-formed where words hold what XML does not', () => {
    expect(svg).toContain('100 B &amp; more')
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('draws points that are further than its axis at its end', () => {
    const far = { ...rate, systems: { ...rate.systems, tcp: { dialsPerSec: 900_000 } } }
    const xs = [...drawChart([far]).matchAll(/cx="([\d.]+)" cy="[\d.]+" r="(?:4\.5|6\.5)"/g)].map(([, x]) => Number(x))
    expect(Math.max(...xs)).toBeLessThanOrEqual(916)
  })
})

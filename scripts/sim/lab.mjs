/** What the gates have in common: who must be linked, how long it took, and what the middle and the worst of many runs are. */

/** All pairs of the first `count` nodes. */
export function pairsOf(count, wanted = () => true) {
  const pairs = []
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) if (wanted(i, j)) pairs.push([i, j])
  return pairs
}

/** Lets time pass until every pair is linked at both ends and unsuspected. @returns milliseconds, or null beyond `capMs` */
export function untilLinked(lab, pairs, capMs, stepMs = 100) {
  let pending = pairs
  for (let ms = 0; ms <= capMs; ms += stepMs) {
    pending = pending.filter(([i, j]) => !lab.linked(i, j))
    if (pending.length === 0) {
      // Those found first may have been replaced meanwhile: only a whole mesh at one instant counts.
      pending = pairs.filter(([i, j]) => !lab.linked(i, j))
      if (pending.length === 0) return ms
    }
    lab.run(stepMs)
  }
  return null
}

/** The share of `nodes` in the largest group that `links` hold together. */
export function largestComponent(nodes, links) {
  const parent = new Map(nodes.map((node) => [node, node]))
  const root = (node) => {
    let at = node
    while (parent.get(at) !== at) {
      parent.set(at, parent.get(parent.get(at)))
      at = parent.get(at)
    }
    return at
  }
  for (const [i, j] of links) if (parent.has(i) && parent.has(j)) parent.set(root(i), root(j))
  const sizes = new Map()
  for (const node of nodes) sizes.set(root(node), (sizes.get(root(node)) ?? 0) + 1)
  return nodes.length === 0 ? 0 : Math.max(...sizes.values()) / nodes.length
}

export function range(count) {
  return Array.from({ length: count }, (_, i) => i)
}

/** Two halves, drawn by lot. */
export function halves(lab, nodes) {
  const drawn = lab.random.shuffled(nodes)
  const middle = Math.floor(drawn.length / 2)
  return [drawn.slice(0, middle), drawn.slice(middle)]
}

/** The value below which a share of the samples lies (nearest rank). A sample that never came is null, and above all others. */
export function percentile(samples, share) {
  if (samples.length === 0) return null
  const sorted = [...samples].sort((a, b) => (a ?? Infinity) - (b ?? Infinity))
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
export const atMost = (value, bound) => value !== null && value <= bound
export const rounded = (value, digits = 0) => (value === null ? null : Number(value.toFixed(digits)))

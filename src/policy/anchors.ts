/** Anchors: the links worth having back first after a restart. Whoever isolates a node must begin anew with each of them. */
import type { PeerId } from '../ports/types.js'

/** A present link to a regular peer that we dialled. */
export interface AnchorCandidate {
  readonly id: PeerId
  readonly group: string
  readonly linkedMs: number
}

const ANCHORS_MAX = 4

/** The four that have been linked for longest, each in a network of its own. */
export function pickAnchors(candidates: readonly AnchorCandidate[]): ReadonlySet<PeerId> {
  const groups = new Set<string>()
  const anchors = new Set<PeerId>()
  for (const { id, group } of candidates.toSorted((a, b) => b.linkedMs - a.linkedMs)) {
    if (anchors.size >= ANCHORS_MAX) break
    if (groups.has(group)) continue
    groups.add(group)
    anchors.add(id)
  }
  return anchors
}

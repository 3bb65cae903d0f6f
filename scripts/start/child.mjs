/** What every child of the supervisor has in common: it takes orders over IPC, and never outlives the supervisor. */

/** A frozen sibling cannot notice that the supervisor died: whoever does wakes it first. */
let frozenPid = /** @type {number | null} */ (null)

process.on('disconnect', () => {
  try {
    if (frozenPid !== null) process.kill(frozenPid, 'SIGCONT')
  } catch {
    // It is gone already.
  }
  process.exit(0)
})
// The supervisor decides: a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {})

/** @param {object} message */
export function tell(message) {
  if (process.connected) process.send?.(message)
}

/**
 * Says that everything is loaded, and obeys from then on.
 * @param {Record<string, (order: any) => unknown>} orders by kind
 */
export function obey(orders) {
  process.on('message', (order) => {
    const { kind } = /** @type {{ kind: string }} */ (order)
    if (kind === 'guard') frozenPid = /** @type {{ pid: number | null }} */ (order).pid
    else orders[kind]?.(order)
  })
  if (!process.connected) process.exit(0)
  tell({ kind: 'ready' })
}

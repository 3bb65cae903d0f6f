/** What every process of the lab has in common: it answers orders over IPC, and never outlives the lab. */

process.on('disconnect', () => process.exit(0))
// The lab decides: a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {})

/**
 * Says that everything is loaded, and obeys from then on. An order's answer is what its function returns, or its promise
 * comes to; what it throws fails the caller's `ask`.
 * @param {Record<string, (details: any) => unknown>} orders by name
 */
export function obey(orders) {
  process.on('message', async (message) => {
    const { call, order, details } = /** @type {{ call: number, order: string, details: any }} */ (message)
    try {
      const run = orders[order]
      if (run === undefined) throw new Error(`there is no order ${order}`)
      tell({ kind: 'answer', call, value: await run(details) })
    } catch (error) {
      tell({ kind: 'answer', call, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  if (!process.connected) process.exit(0)
  tell({ kind: 'ready' })
}

/** @param {object} message */
function tell(message) {
  if (process.connected) process.send?.(message, () => {})
}

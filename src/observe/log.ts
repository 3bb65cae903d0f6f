/**
 * The only way to a log, and the only import of `debug`. One line for each change of state, with the node's name in it; a line
 * that repeats is written once, and its count when another follows. Off unless `DEBUG=holdfast:*` or a logger asks for it.
 */
import createDebug from 'debug'

/** A host's own logger, such as pino: takes every line in place of `debug`. */
export interface Logger {
  debug(line: string): void
  info(line: string): void
  warn(line: string): void
}

export type LogLevel = keyof Logger
/** Writes one line. */
export type Log = (level: LogLevel, line: string) => void

/**
 * A log for one node.
 * @param area what the lines are about; the namespace is `holdfast:<area>`
 * @param node the node's short name
 */
export function createLog(area: string, node: string, logger: Logger | null): Log {
  const write = logger === null ? viaDebug(area) : viaLogger(logger)
  let last = ''
  let repeats = 0
  return (level, text) => {
    const line = `[${node}] ${text}`
    if (line === last) {
      repeats++
      return
    }
    if (repeats > 0) write('debug', `${last} (${String(repeats)} more)`)
    last = line
    repeats = 0
    write(level, line)
  }
}

function viaDebug(area: string): Log {
  const debug = createDebug(`holdfast:${area}`)
  return (level, line) => {
    if (debug.enabled) debug('%s %s', level, line)
  }
}

function viaLogger(logger: Logger): Log {
  return (level, line) => {
    try {
      logger[level](line)
    } catch {
      // A logger that fails must not take the node with it.
    }
  }
}

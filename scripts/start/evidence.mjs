/** A process's own log: one line for each thing it did, written before anything else can happen to it. */
import { openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {string} directory
 * @param {string} name
 * @param {number} boot
 * @returns {(line: string) => void}
 */
export function openLog(directory, name, boot) {
  const file = openSync(logPath(directory, name, boot), 'a')
  return (line) => {
    writeSync(file, `${line}\n`)
  }
}

/**
 * What a process wrote before it was killed.
 * @param {string} directory
 * @param {string} name
 * @param {number} boot
 */
export function readLog(directory, name, boot) {
  const lines = readFileSync(logPath(directory, name, boot), 'utf8').split('\n')
  /** @param {string} verb */
  const ids = (verb) => lines.filter((line) => line.startsWith(`${verb} `)).map((line) => line.split(' ')[1] ?? '')
  return { sent: ids('sent'), done: ids('done') }
}

/**
 * @param {string} directory
 * @param {string} name
 * @param {number} boot
 */
function logPath(directory, name, boot) {
  return join(directory, `${name}.${boot}.log`)
}

/** `npm start` as a user runs it: real processes, real sockets. The package must be built. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { Summary } from '../../scripts/start/tally.mjs'

const MAIN = fileURLToPath(new URL('../../scripts/start/main.mjs', import.meta.url))
const RUN_MS = 120_000

const started: ChildProcess[] = []
const directories: string[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

interface Program {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>
  /** Resolves once standard error has said so. */
  readonly says: (text: string) => Promise<void>
}

function start(...words: readonly string[]): Program {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return {
    child,
    ended,
    says: async (text) => {
      const never = ended.then(() => Promise.reject(new Error(`it ended without saying ${text}: ${err}`)))
      while (!err.includes(text)) await Promise.race([once(child.stderr, 'data'), never])
    },
  }
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
  directories.push(path)
  return path
}

/** The processes whose parent this is, as Linux tells. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

function stateOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')
        .at(-1)
        ?.charAt(0) ?? ''
    )
  } catch {
    return 'gone'
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await expect
    .poll(() => pids.map(stateOf).filter((state) => state !== 'gone' && state !== 'Z'), { timeout: 10_000 })
    .toEqual([])
}

function linesOf(path: string, verb: string): readonly string[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line.startsWith(`${verb} `)).map((line) => line.split(' ')[1] ?? '')
}

describe('npm start', () => {
  it(
    'runs a network through a kill, a freeze and a stranger, and its logs agree with its summary',
    async () => {
      const evidence = directory()
      const { code, out, err } = await start(
        '--json',
        '--seconds',
        '10',
        '--nodes',
        '4',
        '--rate',
        '20',
        '--evidence',
        evidence,
      ).ended
      const summary = JSON.parse(out) as Summary
      expect({ ...summary, err }).toMatchObject({
        nodes: 4,
        links: 6,
        expectedLinks: 6,
        byTransport: { tcp: 1, ws: 5 },
        lost: 0,
        processedTwice: 0,
        invalidAccepted: 0,
        strangerBannedBy: 4,
        kills: 1,
        freezes: 1,
        ok: true,
      })
      expect(code).toBe(0)
      expect(readdirSync(evidence).sort()).toEqual([
        'n1.1.log',
        'n2.1.log',
        'n2.2.log',
        'n3.1.log',
        'n4.1.log',
        'stranger.1.log',
      ])
      const logs = ['n1.1', 'n2.1', 'n2.2', 'n3.1', 'n4.1'].map((name) => join(evidence, `${name}.log`))
      const witnesses = logs.filter((path) => !path.includes('n2.'))
      const has = witnesses.map((path) => new Set([...linesOf(path, 'sent'), ...linesOf(path, 'done')]))
      const owed = new Set(has.flatMap((ids) => [...ids]))
      expect(has.map(({ size }) => size)).toEqual(witnesses.map(() => owed.size))
      expect(new Set(logs.flatMap((path) => linesOf(path, 'sent'))).size).toBe(summary.transactions)
      const forged = linesOf(join(evidence, 'stranger.1.log'), 'sent')
      expect(new Set(forged).size).toBe(summary.invalidSent)
      expect(forged.length).toBeGreaterThanOrEqual(20)
      const done = new Set(logs.flatMap((path) => linesOf(path, 'done')))
      expect(forged.filter((id) => done.has(id))).toEqual([])
      expect(logs.flatMap((path) => linesOf(path, 'refused')).filter((id) => !forged.includes(id))).toEqual([])
    },
    RUN_MS,
  )

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'leaves no process behind after %s, not even a frozen one',
    async (signal) => {
      const { child, ended, says } = start('--json', '--seconds', '10', '--nodes', '4', '--rate', '5')
      await says('freezes for')
      const { pid } = child
      if (pid === undefined) throw new Error('no process')
      const pids = childrenOf(pid)
      expect(pids).toHaveLength(5)
      await expect.poll(() => pids.map(stateOf)).toContain('T')
      child.kill(signal)
      await ended
      await untilGone(pids)
    },
    RUN_MS,
  )

  it(
    'says so and fails where a node dies that nobody killed',
    async () => {
      const { child, ended, says } = start('--json', '--seconds', '10', '--nodes', '4', '--rate', '5')
      await says('transfers a second')
      const pids = childrenOf(child.pid ?? 0)
      process.kill(pids[0] ?? 0, 'SIGKILL')
      const { code, out, err } = await ended
      expect(code).toBe(1)
      expect((JSON.parse(out) as Summary).ok).toBe(false)
      expect(err).toContain('n1 ended: SIGKILL')
      await untilGone(pids)
    },
    RUN_MS,
  )

  it.each([
    ['--nodes', ['--nodes', '3']],
    ['--nodes', ['--nodes', 'many']],
    ['--seconds', ['--seconds', '9']],
    ['--rate', ['--rate', '0']],
    ['--wings', ['--wings', '2']],
    ['--evidence', ['--evidence', MAIN]],
  ])('refuses a bad %s by name', async (name, words) => {
    const { code, out, err } = await start('--json', ...words).ended
    expect(code).toBe(2)
    expect(err).toContain(name)
    expect(out).toBe('')
  })

  it('refuses a directory that holds the logs of another run', async () => {
    const evidence = directory()
    writeFileSync(join(evidence, 'n9.1.log'), '')
    const { code, err } = await start('--json', '--evidence', evidence).ended
    expect(code).toBe(2)
    expect(err).toContain('--evidence')
  })
})

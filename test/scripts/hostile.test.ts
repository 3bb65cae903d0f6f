/**
 * `npm run hostile`, a few seconds of each attack: what can be counted holds; how long things take is for the long run, on a quiet
 * machine. Needs network namespaces, and a built package.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { afterEach, describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../scripts/hostile/main.mjs', import.meta.url))
/** Several times what each takes on a machine that has nothing else to do. */
const PATIENCE_MS = 120_000
const NOT_RUN = 'hostile: NOT RUN: '

interface Figure {
  readonly name: string
  readonly figure: number | null
  readonly unit: string
  readonly bound: number | null
  readonly pass: boolean
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGTERM')
})

function start(...words: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return { child, ended }
}

/** Where there are no namespaces the program says so, fails, and is not judged here. */
function skipWithoutNamespaces(ctx: TestContext, { code, err }: Ended): void {
  const why = err.split('\n').find((line) => line.startsWith(NOT_RUN))
  if (why === undefined) return
  expect(code).toBe(1)
  console.warn(why)
  ctx.skip(why)
}

/** What one check found; the words on standard error say more where something failed. */
async function figuresOf(ctx: TestContext, check: string): Promise<ReadonlyMap<string, number | null>> {
  const ended = await start(check, '--short', '--json').ended
  skipWithoutNamespaces(ctx, ended)
  const { checks, pass } = JSON.parse(ended.out) as { readonly checks: readonly Figure[]; readonly pass: boolean }
  if (!pass) console.warn(ended.err)
  expect(checks.filter((figure) => !figure.pass)).toEqual([])
  expect(checks.filter(({ unit, bound }) => (unit === 'ms' || unit === 'MiB') !== (bound === null))).toEqual([])
  expect({ pass, code: ended.code }).toEqual({ pass: true, code: 0 })
  return new Map(checks.map(({ name, figure }) => [name, figure]))
}

describe('a node under attack', () => {
  it(
    'stands malformed bytes at every stage, bans who sends them, and never a masternode',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'malformed')
      const counts = ['crashes', 'honestFailed', 'notBanned', 'masternodeBanned'].map((name) => `malformed.${name}`)
      expect(counts.map((name) => figures.get(name))).toEqual([0, 0, 0, 0])
    },
    PATIENCE_MS,
  )

  it(
    'refuses lengths of 4 GiB, waits for slow bytes, and not for ever',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'length')
      const counts = ['crashes', 'notRefused', 'drip', 'unfinished'].map((name) => `length.${name}`)
      expect(counts.map((name) => figures.get(name))).toEqual([0, 0, 0, 0])
    },
    PATIENCE_MS,
  )

  it(
    'lets every masternode in past a slow loris',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'loris')
      expect(['loris.joinsFailed', 'loris.crashes'].map((name) => figures.get(name))).toEqual([0, 0])
      expect(figures.get('loris.pendingMax')).toBeLessThanOrEqual(64)
    },
    PATIENCE_MS,
  )

  it(
    'turns a banned address away as often as it comes, with one line in its log',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'banned')
      expect(['notTurnedAway', 'crashes', 'logLines'].map((name) => figures.get(`banned.${name}`))).toEqual([0, 0, 1])
    },
    PATIENCE_MS,
  )

  it(
    'makes who says too much wait, sheds what the deaf do not read, and punishes nobody honest',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'quota')
      const counts = [
        'quota.relayLost',
        'quota.relayPunished',
        'shed.masternodeClosed',
        'shed.gapUntold',
        'shed.regularKept',
      ]
      expect(counts.map((name) => figures.get(name))).toEqual([0, 0, 0, 0, 0])
    },
    PATIENCE_MS,
  )

  it(
    'lets a masternode in, and answers one, while strangers together send what is slow to read',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'work')
      expect(['joinsFailed', 'honestLost'].map((name) => figures.get(`work.${name}`))).toEqual([0, 0])
    },
    PATIENCE_MS,
  )

  it(
    'stops though half of its peers hang and have more waiting than their kernels take',
    async (ctx) => {
      const figures = await figuresOf(ctx, 'stop')
      expect(['missing', 'unstuffed', 'stays', 'untold'].map((name) => figures.get(`stop.${name}`))).toEqual([
        0, 0, 0, 0,
      ])
    },
    PATIENCE_MS,
  )
})

describe('the program', () => {
  it('knows its checks, and says so to who asks for another', async () => {
    const { code, out, err } = await start('typhoon', '--json').ended
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('malformed, length, loris, web, banned')
  })

  it(
    'ends every process it began when it is interrupted',
    async (ctx) => {
      const { child, ended } = start('loris', '--json')
      const running = new Promise<void>((resolve) => {
        child.stderr?.on('data', (bytes: Buffer) => {
          if (bytes.toString().includes('loris:')) resolve()
        })
      })
      await Promise.race([running, ended])
      const pid = child.pid ?? 0
      if (child.exitCode === null) await expect.poll(() => descendantsOf(pid).length).toBeGreaterThan(2)
      const family = descendantsOf(pid)
      child.kill('SIGINT')
      const end = await ended
      skipWithoutNamespaces(ctx, end)
      expect({ code: end.code, out: end.out }).toEqual({ code: 130, out: '' })
      await expect.poll(() => family.filter(isAlive)).toEqual([])
    },
    PATIENCE_MS,
  )
})

/** The processes that came of this one, as Linux tells. */
function descendantsOf(pid: number): readonly number[] {
  const path = `/proc/${String(pid)}/task/${String(pid)}/children`
  const children = existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number) : []
  return children.flatMap((child) => [child, ...descendantsOf(child)])
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${String(pid)}`)
}

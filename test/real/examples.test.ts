/** What a stranger gets: the packed tarball, installed beside the parts it needs, with the examples and the README tried on it. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { resolveLimits } from '../../src/swarm/profile.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** What a newcomer's snippet takes for granted. */
const GLOBALS = `import type { Peer, Swarm } from 'holdfast'
declare global {
  const swarm: Swarm
  const peer: Peer
}
`

/** Programs that must not compile, each with the one line at fault. */
const WRONG: Readonly<Record<string, string>> = {
  'send-message': "import { message } from 'holdfast'\npeer.send(message<string>('m'), 'x')",
  'broadcast-direct': "import { direct } from 'holdfast'\nswarm.broadcast(direct<string>('d'), 'x')",
  'request-message': "import { message } from 'holdfast'\nvoid peer.request(message<string>('m'), 'x')",
  'wrong-payload': "import { message } from 'holdfast'\nswarm.broadcast(message<number>('m'), 'x')",
  'wrong-verdict': "import { message } from 'holdfast'\nswarm.handle(message<number>('m'), () => 'maybe')",
  'no-question': "import { request } from 'holdfast'\nvoid peer.request(request<number, string>('r'))",
  'wrong-event': "\nswarm.on('peer:connected', () => undefined)",
  'no-identity': "import { Swarm } from 'holdfast'\nnew Swarm({ network: 'TEST', transports: [] })",
}

const CONSUMER = `import { createIdentity, direct, HoldfastError, message, request, Swarm } from 'holdfast'
import type { Peer, Reason, SwarmStatus, Transport } from 'holdfast'
import { MemoryNetwork, memory } from 'holdfast/memory'
import { tcp } from 'holdfast/tcp'
import { swarmLab, transportContract } from 'holdfast/testing'
import { webSocket } from 'holdfast/websocket'
import { z } from 'zod'

const Tx = message('tx', { schema: z.object({ hash: z.string() }), id: (tx) => tx.hash })
const Note = direct<{ readonly text: string }>('note')
const Count = request<void, number>('count')
const transports: readonly Transport[] = [tcp(), webSocket(), memory(new MemoryNetwork())]
const own = new Swarm({ network: 'TEST', identity: createIdentity(), transports })
own.handle(Tx, (tx) => (tx.hash.length > 0 ? 'accept' : 'reject'))
own.on('peer:disconnect', (gone: Peer, reason: Reason) => [gone.id, reason.fault])
const sent: boolean = peer.send(Note, { text: 'x' })
const count: Promise<number> = peer.request(Count, undefined, { timeoutMs: 5 })
const status: SwarmStatus = own.status()
export { count, HoldfastError, sent, status, swarmLab, transportContract }
`

let folder = ''
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-consumer-')))
  install()
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the published package', () => {
  it('holds what it should and nothing else', () => {
    const home = join(folder, 'node_modules/holdfast')
    expect(readdirSync(home).sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'bench', 'dist', 'docs', 'examples', 'package.json'],
    ])
    expect(readdirSync(join(home, 'bench')).sort()).toEqual(['RESULTS.md', 'results.svg'])
    expect(readdirSync(join(home, 'docs')).filter((name) => !/\.(?:md|svg)$/.test(name))).toEqual([])
    expect(readdirSync(join(home, 'dist')).filter((name) => !/\.(?:js|d\.ts)$/.test(name))).toEqual([])
  })

  it('puts ten masternodes through a split in virtual time, the same way each time', async () => {
    const [once, again] = [await run('split-network.mjs', '7'), await run('split-network.mjs', '7')]
    expect(once.code).toBe(0)
    expect(once.lines).toEqual(again.lines)
    expect(
      once.lines.map((line) => line.replace(/^[\d.]+ s: |, [\d.]+ s after.*|, after .*|: \d+ events.*/g, '')),
    ).toEqual([
      '45 of 45 pairs are linked',
      'node 0 suspects a partition: 3 of 9 are missing',
      'block 1 is known to 5 of 10',
      'node 0 says it is over',
      'all pairs are linked again',
      'block 1 is known to 10 of 10',
      'seed 7',
    ])
  })

  it('runs two nodes that meet, gossip, ask and leave', async () => {
    const { lines, code } = await run('two-nodes.mjs')
    expect([
      code,
      lines.filter((line) => line.startsWith('anna')),
      lines.filter((line) => line.startsWith('ben')),
    ]).toEqual([
      0,
      ['anna connected (inbound, unknown)', 'anna heard from ben: hello, swarm', 'anna disconnected: shutdown'],
      ['ben connected (outbound, unknown)', 'ben asked for the square of 12: 144', 'ben disconnected: shutdown'],
    ])
    expect(lines.at(-1)).toBe('both stopped')
  })

  it('runs the same two nodes as two processes', async () => {
    const listener = spawn(process.execPath, ['two-nodes.mjs', 'listen'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const invitation = await new Promise<string>((resolve, reject) => {
        listener.stdout.once('data', (data: Buffer) => {
          resolve(data.toString())
        })
        listener.once('exit', reject)
      })
      const address = /tcp:\/\/\S+/.exec(invitation)?.[0] ?? ''
      const { lines, code } = await run('two-nodes.mjs', address)
      expect([code, lines]).toEqual([
        0,
        ['ben connected (outbound, unknown)', 'ben asked for the square of 12: 144', 'ben disconnected: shutdown'],
      ])
      const left = new Promise((resolve) => listener.once('exit', resolve))
      listener.kill('SIGINT')
      expect(await left).toBe(0)
    } finally {
      listener.kill('SIGKILL')
    }
  })

  it('runs custom messages, with a schema, a codec, verdicts and a ban', async () => {
    expect(await run('custom-messages.mjs')).toEqual({
      code: 0,
      lines: [
        'b was told height 7',
        'b accepted 00000001: 30 of alice',
        'c accepted 00000001: 30 of alice',
        'b says: 70 left',
        'b says to c: 70 left',
        'the liar was told: banned, and the fault is remote',
        'b counted: {"schema-violation":2,"rejected":1}',
        'the liar asks in vain: not-connected',
      ],
    })
  })
})

describe('the published declarations', () => {
  const snippets = blocks('ts')
  let program: ts.Program | null = null
  const errorsOf = (file: string): string[] => {
    program ??= compile({ ...WRONG, consumer: CONSUMER, ...snippets })
    return diagnostics(program, file)
  }

  it('compile in a strict consumer, themselves checked, without types of Node', () => {
    expect(errorsOf('consumer')).toEqual([])
    expect(program?.getGlobalDiagnostics().map(({ messageText }) => messageText)).toEqual([])
    const own = program?.getSourceFiles().filter(({ fileName }) => fileName.includes('holdfast/dist/')) ?? []
    expect(own.length).toBeGreaterThan(4)
    expect(own.flatMap(({ fileName }) => diagnostics(program, fileName))).toEqual([])
  })

  it.each(Object.keys(WRONG))('refuse %s', (name) => {
    expect(errorsOf(name)).toEqual([expect.stringMatching(/^2: /)])
  })

  it.each(Object.keys(snippets))('compile the README: %s', (name) => {
    expect(errorsOf(name)).toEqual([])
  })

  it.each([
    ['Event', 'SwarmEvents'],
    ['Option', 'SwarmOptions'],
    ['`limits.<class>`', 'ClassLimits'],
    ['Code', 'ErrorCode'],
  ])('name what the README lists under %s, no more and no less', (heading, type) => {
    errorsOf('consumer')
    const listed = rows(heading).flatMap(([first = '']) => Array.from(first.matchAll(/`([^`]+)`/g), ([, name]) => name))
    expect(listed.sort()).toEqual(membersOf(program, type).sort())
  })
})

describe('the README', () => {
  it('shows a program that prints what it says', async () => {
    writeFileSync(join(folder, 'two.mjs'), blocks('js')['README-js-0'] ?? '')
    const lines = (blocks('text')['README-text-0'] ?? '').trim().split('\n')
    expect(await run('two.mjs')).toEqual({ code: 0, lines })
  })

  it('shows a node that starts, broadcasts and stops', async () => {
    const code = (blocks('ts')['README-ts-0'] ?? '').replaceAll(/:\d+'/g, ":0'")
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
    writeFileSync(join(folder, 'node.mjs'), ts.transpileModule(code, { compilerOptions }).outputText)
    expect(await run('node.mjs')).toEqual({ code: 0, lines: [''] })
  })

  it('has the limits of the default profile', () => {
    const limits = resolveLimits('masternode', {})
    const classes: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']
    const listed = rows('`limits.<class>`').map(([first = '', ...cells]) => [
      /`(\w+)`/.exec(first)?.[1],
      cells.map(toValue),
    ])
    const wanted = Object.keys(limits.regular) as (keyof typeof limits.regular)[]
    expect(listed).toEqual(wanted.map((name) => [name, classes.map((peerClass) => limits[peerClass][name])]))
  })

  it('links only to what is there', () => {
    const links = Array.from(readme.matchAll(/\]\((?!https:)([^)#]+)\)/g), ([, path = '']) => path)
    expect(links).toContain('LICENSE')
    expect(
      links.filter((path) => !readdirSync(join(root, dirname(path))).includes(path.split('/').at(-1) ?? '')),
    ).toEqual([])
  })
})

/** As `npm install <tarball>` would, with the dependencies that the checkout has already. */
function install(): void {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const words = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  if (spawnSync(npm, words, { cwd: root }).status !== 0) throw new Error('npm pack failed')
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  const home = join(folder, 'node_modules/holdfast')
  mkdirSync(home, { recursive: true })
  const unpack = ['-xzf', tarball, '-C', 'node_modules/holdfast', '--strip-components=1']
  if (spawnSync('tar', unpack, { cwd: folder }).status !== 0) throw new Error('tar failed')
  const { dependencies } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of [...Object.keys(dependencies), 'ws', 'zod', 'fast-check', 'pure-rand']) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of ['two-nodes.mjs', 'custom-messages.mjs', 'split-network.mjs'])
    cpSync(join(root, 'examples', name), join(folder, name))
}

async function run(...words: string[]): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString()
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, lines: text.trim().split('\n') }
}

function compile(files: Readonly<Record<string, string>>): ts.Program {
  const all = { ...files, globals: GLOBALS }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, `${name}.ts`), text)
  return ts.createProgram(
    Object.keys(all).map((name) => join(folder, `${name}.ts`)),
    {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
      types: [],
    },
  )
}

/** Each error of one file, as its line and sentence. */
function diagnostics(program: ts.Program | null, file: string): string[] {
  const source = program?.getSourceFile(file.endsWith('.ts') ? file : join(folder, `${file}.ts`))
  if (program === null || source === undefined) throw new Error(`${file} was not compiled`)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start = 0, messageText }) =>
      `${String(source.getLineAndCharacterOfPosition(start).line + 1)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

/** The property names of a published interface, or the strings of a published union. */
function membersOf(program: ts.Program | null, name: string): string[] {
  const checker = program?.getTypeChecker()
  const entry = program?.getSourceFile(join(folder, 'node_modules/holdfast/dist/index.d.ts'))
  const module = entry && checker?.getSymbolAtLocation(entry)
  const found =
    module === undefined ? undefined : checker?.getExportsOfModule(module).find((each) => each.name === name)
  if (checker === undefined || found === undefined) throw new Error(`${name} is not published`)
  const symbol = (found.flags & ts.SymbolFlags.Alias) === 0 ? found : checker.getAliasedSymbol(found)
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  if (type.isUnion())
    return type.types.map((part) => (part.isStringLiteral() ? part.value : checker.typeToString(part)))
  return type.getProperties().map((property) => property.name)
}

/** The README's code in one language, by a name of its own. */
function blocks(language: string): Record<string, string> {
  const found = readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))
  return Object.fromEntries(Array.from(found, ([, code = ''], i) => [`README-${language}-${String(i)}`, code]))
}

/** The rows of the README's table whose first heading begins so, as cells. */
function rows(heading: string): string[][] {
  const lines = readme.split('\n')
  const from = lines.findIndex((line) => line.startsWith(`| ${heading} |`)) + 2
  const to = lines.findIndex((line, i) => i > from && !line.startsWith('|'))
  return lines.slice(from, to).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  )
}

/** A number with its unit, a fraction, or a word. */
function toValue(cell: string): number | string {
  const [, number = '', per = '1', unit = ''] = /^([\d,]+)(?:\/(\d+))?(?: (s|KiB|MiB))?$/.exec(cell) ?? []
  const factor = { '': 1, s: 1_000, KiB: 1_024, MiB: 1_048_576 }[unit] ?? Number.NaN
  return number === '' ? cell : (Number(number.replaceAll(',', '')) / Number(per)) * factor
}

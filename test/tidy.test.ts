/** What the import graph cannot see: each rule of the house that is about text, one sentence each. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const LINES_MAX = 300
const FUNCTION_LINES_MAX = 70

/** Words that read a clock, wait, or draw chance. */
const AMBIENT = new RegExp(
  [
    /\bDate\.now\b/,
    /\bnew\s+Date\s*(?:\(\s*\)|(?![\w\s(]))/,
    /(?<!new\s+)(?<![.\w])Date\s*\(/,
    /\bperformance\.(?:now|timeOrigin)\b/,
    /\bMath\.random\b/,
    /\bprocess\.(?:nextTick|hrtime|uptime)\b/,
    /\bAbortSignal\.timeout\b/,
    /(?<![.\w])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    /\b(?:globalThis|window|self|global|timers)\s*\??[.[]\s*['"]?(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    /['"](?:node:)?timers(?:\/promises)?['"]/,
    /\b(?:getRandomValues|randomBytes|randomFillSync|randomFill|randomInt|randomUUID)\b/,
  ]
    .map(({ source }) => source)
    .join('|'),
)
const UNFINISHED = /\b(?:FIXME|TODO|XXX)\b/
const LEFT_OUT = /\b(?:it|test|describe)\s*\.\s*(?:(?:skip|only|runIf|todo|fails)\b|skipIf)/
const MACHINE_PATH = /(?<![\w.~-])\/(?:home|Users|work|root|mnt)\/[\w.-]|\b[A-Z]:\\Users\b/

const root = fileURLToPath(new URL('..', import.meta.url))

interface Source {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

const src = sources('src', /\.ts$/)
/** Without this file, which spells out what it looks for. */
const tests = sources('test', /\.ts$/).filter(({ path }) => path !== 'test/tidy.test.ts')
const everything = [...src, ...tests, ...sources('examples', /\.[mc]?[jt]s$/), ...sources('scripts', /\.mjs$/)]

describe('the house', () => {
  it('has sources to look at', () => {
    expect(src.length).toBeGreaterThan(0)
    expect(tests.length).toBeGreaterThan(0)
  })

  it('reads clocks, waits and draws chance only in src/runtime', () => {
    const outside = src.filter(({ path }) => !path.startsWith('src/runtime/'))
    expect(outside.flatMap((source) => matches(source, withoutComments(source), AMBIENT))).toEqual([])
  })

  it(`has no source file over ${String(LINES_MAX)} lines`, () => {
    const long = src.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    expect(long.filter(({ lines }) => lines > LINES_MAX).map(({ path, lines }) => `${path}: ${String(lines)}`)).toEqual(
      [],
    )
  })

  it(`has no function over ${String(FUNCTION_LINES_MAX)} lines`, () => {
    expect(src.flatMap(longFunctions)).toEqual([])
  })

  it('has one front door and no barrel behind it', () => {
    expect(src.flatMap(barrels)).toEqual([])
  })

  it('has nothing marked as unfinished', () => {
    expect(everything.flatMap((source) => matches(source, source.text, UNFINISHED))).toEqual([])
  })

  it('runs every test that it has', () => {
    expect(tests.flatMap((source) => matches(source, withoutComments(source), LEFT_OUT))).toEqual([])
  })

  it('names no path of any one machine', () => {
    expect(everything.flatMap((source) => matches(source, source.text, MACHINE_PATH))).toEqual([])
  })
})

describe('the rules themselves', () => {
  it('know an ambient word from an innocent one', () => {
    const ambient = [
      'void Date.now()',
      'new Date()',
      'new Date',
      'Date()',
      'globalThis.setTimeout(f)',
      'const { randomBytes } = c',
      "import { wait } from 'node:timers/promises'",
    ]
    const innocent = [
      'new Date(wallMs)',
      'clock.wall()',
      'random.bytes(8)',
      'type D = Date',
      'server.setTimeout(5_000)',
      'resetTimeouts()',
      'x.update(y)',
    ]
    expect(ambient.filter((text) => !AMBIENT.test(text))).toEqual([])
    expect(innocent.filter((text) => AMBIENT.test(text))).toEqual([])
  })

  it('look through comments but not through strings that resemble them', () => {
    const source = parse('x.ts', "const a = 'http://x' // Date.now()\nconst b = `/*${Date.now()}*/` /* no */\n")
    expect(withoutComments(source).match(/Date\.now/g)).toEqual(['Date.now'])
    expect(withoutComments(source)).toContain("'http://x'")
  })

  it('measure methods, arrows and constructors', () => {
    const body = '\n'.repeat(FUNCTION_LINES_MAX)
    for (const text of [
      `class A { b() {${body}} }`,
      `const a = () => {${body}}`,
      `class A { constructor() {${body}} }`,
    ])
      expect(longFunctions(parse('x.ts', text))).toHaveLength(1)
    expect(longFunctions(parse('x.ts', `class A {${body}${body}}`))).toEqual([])
  })

  it('see a barrel, an unfinished mark, a test that is left out and a machine path', () => {
    expect(barrels(parse('x.ts', "export * from './y.js'"))).toHaveLength(1)
    expect(UNFINISHED.test('// FIXME later')).toBe(true)
    expect(LEFT_OUT.test("it.skip('x')")).toBe(true)
    expect(LEFT_OUT.test("it('x') && list.only")).toBe(false)
    expect(MACHINE_PATH.test("'/home/me/x'")).toBe(true)
    expect(MACHINE_PATH.test('https://example.com/home/x')).toBe(false)
  })
})

function sources(folder: string, name: RegExp): readonly Source[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
    .map((path) => parse(path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')))
}

function parse(path: string, text: string): Source {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) }
}

/** The text with every comment blanked, in place, so that lines keep their numbers. */
function withoutComments({ text, tree }: Source): string {
  let code = text
  const blank = (from: number, to: number): void => {
    code = code.slice(0, from) + code.slice(from, to).replace(/[^\n]/g, ' ') + code.slice(to)
  }
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(tree)
    if (children.length > 0) {
      children.forEach(visit)
      return
    }
    const ranges = [
      ...(ts.getLeadingCommentRanges(text, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
    ]
    for (const { pos, end } of ranges) blank(pos, end)
    if (ts.isJSDoc(node)) blank(node.pos, node.end)
  }
  visit(tree)
  return code
}

function matches({ path }: Source, text: string, pattern: RegExp): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${String(index + 1)}: ${line.trim()}`] : []))
}

function longFunctions({ path, tree }: Source): readonly string[] {
  const found: string[] = []
  const line = (at: number): number => tree.getLineAndCharacterOfPosition(at).line + 1
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const start = line(node.getStart(tree))
      const lines = line(node.end) - start + 1
      if (lines > FUNCTION_LINES_MAX) found.push(`${path}:${String(start)}: ${String(lines)} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

function barrels({ path, tree }: Source): readonly string[] {
  return tree.statements
    .filter((statement) => ts.isExportDeclaration(statement))
    .filter(({ exportClause }) => exportClause === undefined || ts.isNamespaceExport(exportClause))
    .map((statement) => `${path}: ${statement.getText(tree)}`)
}

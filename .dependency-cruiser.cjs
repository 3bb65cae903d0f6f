/**
 * Who may import whom. The folder is the layer, and this file is the list of arrows; what it does not allow is an error.
 * What no graph can see (ambient time, long files) is in test/tidy.test.ts.
 */

const PURE = '^src/(policy|protocol|swarm|ports)/|^src/(errors|index|runtime/(system|crypto-web))[.]ts$'
const PORTS = '^src/ports/|^src/errors[.]ts$'
const LOG = '^src/observe/log[.]ts$'
/** An adapter is a file and its own parts: websocket.ts, websocket-listener.ts. $1 is its folder, $2 its name. */
const ADAPTERS = '^src/(transports|discovery|storage|runtime)/([a-z]+)'

/** A module of node_modules, wherever that folder really is: it may be a symlink. */
const packages = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})/`

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    rule('no-circular', 'A cycle has no top to read from.', {}, { circular: true }),
    rule(
      'no-orphans',
      'A file that nobody imports and that imports nobody is dead, unless it is an entry point.',
      {
        orphan: true,
        path: '^src/',
        pathNot:
          '^src/(index[.]ts|transports/(tcp|websocket|memory)[.]ts|testing/index[.]ts|runtime/crypto-(node|web)[.]ts)$',
      },
      {},
    ),
    rule(
      'no-unresolved',
      'What cannot be found cannot be judged.',
      { path: '^(src|examples)/' },
      { couldNotResolve: true },
    ),
    rule('pure-no-node', 'The core runs in browsers.', { path: PURE }, { dependencyTypes: ['core'] }),
    rule('ports-are-types', 'ports and errors stand on nothing.', { path: PORTS }, { pathNot: PORTS }),
    rule(
      'ports-are-imported-as-types',
      'A port has no values, so nothing of it exists at run time.',
      { path: '^src/' },
      { path: '^src/ports/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'policy-is-pure',
      'Decisions know ports and errors, a bounded map and an address parser. Never protocol.',
      { path: '^src/policy/' },
      { pathNot: [PORTS, '^src/policy/', packages('lru-cache', 'ipaddr[.]js')] },
    ),
    rule(
      'protocol-is-pure',
      'Bytes and state know ports and errors. Never policy.',
      { path: '^src/protocol/' },
      { pathNot: [PORTS, '^src/protocol/', packages('@standard-schema/spec')] },
    ),
    rule(
      'swarm-knows-no-adapter',
      'Transports, sources, storage and crypto reach the swarm as values.',
      { path: '^src/swarm/' },
      {
        pathNot: [
          PORTS,
          LOG,
          '^src/(policy|protocol|swarm)/',
          packages('eventemitter3', 'lru-cache', 'ipaddr[.]js', '@standard-schema/spec'),
        ],
      },
    ),
    rule(
      'adapters-know-only-ports',
      'An adapter knows ports, errors, its own parts and its own library. Never a sibling.',
      { path: ADAPTERS },
      { path: '^src/', pathNot: [PORTS, '^src/$1/$2[.-]'] },
    ),
    rule(
      'observe-reads-only',
      'What observes reads the public snapshot and events: as types, and itself.',
      { path: '^src/observe/', pathNot: LOG },
      { path: '^src/', pathNot: [PORTS, '^src/observe/', '^src/index[.]ts$'] },
    ),
    rule(
      'log-is-a-leaf',
      'Everything may log, so the log knows nothing.',
      { path: LOG },
      {
        pathNot: [PORTS, packages('debug')],
      },
    ),
    rule(
      'only-log-debugs',
      'One place decides how logging is done.',
      { path: '^src/', pathNot: LOG },
      { path: packages('debug') },
    ),
    rule(
      'only-websocket-has-ws',
      'An optional peer dependency must be missing for nobody else.',
      { path: '^src/', pathNot: '^src/(transports/websocket[.-]|testing/)' },
      { path: packages('ws') },
    ),
    rule(
      'only-crypto-web-has-noble',
      'Primitives reach everyone else as ports/crypto.',
      { path: '^src/', pathNot: '^src/(runtime/crypto-web[.]ts$|testing/)' },
      { path: packages('@noble/[a-z]+') },
    ),
    rule(
      'kit-is-for-hosts',
      'Helpers beside the swarm know ports, errors, themselves and the real clock, and need not know the swarm.',
      { path: '^src/kit/' },
      { path: '^src/', pathNot: [PORTS, '^src/kit/', '^src/runtime/system[.]ts$'] },
    ),
    rule(
      'kit-stays-out',
      'What is for hosts is no part of the core, which runs where there are no threads.',
      { path: '^src/', pathNot: '^src/kit/' },
      { path: '^src/kit/' },
    ),
    rule(
      'testing-stays-out',
      'Nothing that ships stands on the tests.',
      { path: '^src/', pathNot: '^src/testing/' },
      {
        path: '^src/testing/',
      },
    ),
    rule(
      'index-composes',
      'The front door joins the core to its runtime and chosen crypto; every adapter is an entry of its own.',
      { path: '^src/index[.]ts$' },
      {
        pathNot: [
          PORTS,
          LOG,
          '^src/(swarm|policy|protocol)/',
          '^src/runtime/(system|crypto-node)[.]ts$',
          packages('eventemitter3', '@standard-schema/spec'),
        ],
      },
    ),
    rule(
      'crypto-by-name',
      'Which crypto is the package map’s choice: a path would freeze one platform’s.',
      { path: '^src/', pathNot: '^src/testing/' },
      { path: '^src/runtime/crypto-(node|web)[.]ts$', dependencyTypesNot: ['aliased'] },
    ),
    rule(
      'one-front-door',
      'An example imports what a reader could: package entry points.',
      { path: '^examples/' },
      { path: '^(src|test|scripts|bench|dist)/', dependencyTypes: ['local'], dependencyTypesNot: ['aliased'] },
    ),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.d.ts', '.js', '.mjs', '.json'],
    },
  },
}

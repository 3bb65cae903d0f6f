import { defineConfig } from 'tsup'

/** What package.json publishes, and the two files its `imports` map chooses from. Only the former have declarations. */
const published = {
  index: 'src/index.ts',
  tcp: 'src/transports/tcp.ts',
  websocket: 'src/transports/websocket.ts',
  memory: 'src/transports/memory.ts',
  storage: 'src/storage/memory.ts',
  kit: 'src/kit/index.ts',
  testing: 'src/testing/index.ts',
}

const config: ReturnType<typeof defineConfig> = defineConfig({
  entry: { ...published, 'crypto-node': 'src/runtime/crypto-node.ts', 'crypto-web': 'src/runtime/crypto-web.ts' },
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  splitting: true,
  clean: true,
  sourcemap: false,
  // `await using` is declared for consumers whose own libraries do not know it.
  dts: { entry: published, banner: '/// <reference lib="esnext.disposable" />' },
  // `node:net` stays `node:net`: what a file needs of Node can be seen in it.
  removeNodeProtocol: false,
  // esbuild would follow the imports map and freeze one platform's crypto into the core.
  external: ['#crypto', /^node:/],
})

export default config

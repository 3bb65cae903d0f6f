/** The works by name: how each is run, what is compared in it (`figure`, in the unit of the design), and how its table is made. */
import { dial } from './works/dial.mjs'
import { footprint } from './works/footprint.mjs'
import { growth } from './works/growth.mjs'
import { hub } from './works/hub.mjs'
import { idle } from './works/idle.mjs'
import { link } from './works/link.mjs'
import { load } from './works/load.mjs'
import { memory } from './works/memory.mjs'
import { mesh } from './works/mesh.mjs'
import { mesh100 } from './works/mesh-100.mjs'
import { micro } from './works/micro.mjs'
import { rtt } from './works/rtt.mjs'
import { verify } from './works/verify.mjs'

const BURST = 64

/**
 * `about`: for people · `json`: objects as well · `peers`: libp2p and hyperswarm as well · `alone`: it finds its systems itself,
 * once · `atOnce`: all systems side by side, since they do next to nothing · `sheet`: holdfast alone, once, with a table of its own.
 * @type {Record<string, { run: any, about: string, figure?: string | null, json?: boolean, peers?: boolean, alone?: boolean, atOnce?: boolean, sheet?: boolean }>}
 */
export const WORKS = {
  'link-100': { run: link(100), about: 'one link, 100 B', figure: 'cpuSecPerMillion', json: true, peers: true },
  'link-1k': { run: link(1_024), about: 'one link, 1 KiB', figure: 'cpuSecPerMillion', json: true, peers: true },
  'link-64k': { run: link(65_536), about: 'one link, 64 KiB', figure: 'mbPerSec', peers: true },
  'hub-burst': {
    run: hub(BURST),
    about: 'hub, 125 peers, 250 B, 64 a turn',
    figure: 'hubCpuUs',
    json: true,
    peers: true,
  },
  'hub-single': {
    run: hub(1),
    about: 'hub, 125 peers, 250 B, one a turn',
    figure: 'hubCpuUs',
    json: true,
    peers: true,
  },
  rtt: { run: rtt, about: 'round trip, 100 B', figure: 'p50Us', json: true, peers: true },
  dial: { run: dial, about: 'links authenticated, 32 at once', figure: 'dialsPerSec' },
  memory: { run: memory, about: 'an idle connection in the hub, of 500', figure: 'rssKiB' },
  mesh: { run: mesh, about: '8 nodes, 250 B, each gets all once', figure: 'uniquePerSec', json: true },
  idle: { run: idle, about: 'hub with 125 idle links', figure: 'cpuPercent', atOnce: true },
  verify: { run: verify, about: 'an idle link’s answers while a hub checks 1,000 signatures a second', figure: null, alone: true },
  micro: { run: micro, about: 'single parts, ns each', figure: null, alone: true },
  footprint: { run: footprint, about: 'what it takes to install and to load', figure: null, alone: true },
  load: { run: load, about: '1,000 transactions a second through a hub with 125 links, and blocks', sheet: true },
  'mesh-100': { run: mesh100, about: '100 masternodes, each linked with each', sheet: true },
  growth: { run: growth, about: 'what links and known peers cost, the more there are', sheet: true },
}

// Helia's Routing V1 server (@helia/delegated-routing-v1-http-api-server) on loopback, over a Helia node whose router knows what it is told:
//     node --import=./polyfill.mjs router.mjs
// It has to stand beside its node_modules. It prints one line of JSON when it is ready, {addr}, which is the URL of the server, and one for
// each command, which are lines on its standard input:
//     provide ADDR           names the peer at ADDR, which ends in /p2p/ID, for every CID from then on: {}
// What fails is answered with {error}. It ends with its standard input.
import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { createDelegatedRoutingV1HttpApiServer } from '@helia/delegated-routing-v1-http-api-server'
import { Helia } from '@helia/utils'
import { identify } from '@libp2p/identify'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'

const provided = []
const router = {
  async * findProviders () { yield * provided }
}
const libp2p = await createLibp2p({
  start: false,
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() }
})
const helia = new Helia({
  libp2p,
  datastore: new MemoryDatastore(),
  blockstore: new MemoryBlockstore(),
  blockBrokers: [],
  routers: [router]
})
await helia.start()
const server = await createDelegatedRoutingV1HttpApiServer(helia, { listen: { host: '127.0.0.1', port: 0 } })

async function command (line) {
  const [verb, addr] = line.split(' ')
  if (verb !== 'provide') throw new Error(`no such command: ${verb}`)
  const whole = multiaddr(addr)
  const id = peerIdFromString(whole.getPeerId())
  provided.push({ id, multiaddrs: [whole.decapsulate(`/p2p/${id}`)] })
  return {}
}

const say = value => process.stdout.write(`${JSON.stringify(value)}\n`)
say({ addr: `http://127.0.0.1:${server.server.address().port}` })
for await (const line of createInterface({ input: process.stdin })) {
  say(await command(line).catch(error => ({ error: String(error?.stack ?? error) })))
}
process.exit(0)

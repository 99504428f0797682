// A Helia node on loopback, to exchange blocks with in tests:
//     node --import=./polyfill.mjs helia.mjs
// It has to stand beside its node_modules. It prints one line of JSON when it is ready, {peerId, addr}, and one for each
// command, which are lines on its standard input:
//     add PATH               a file or directory: {cid}
//     fetch ADDR CID PATH    connects, reads the whole tree and writes it to PATH: {bytes, ms}
// What fails is answered with {error}. It ends with its standard input.
import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { bitswap } from '@helia/block-brokers'
import { unixfs } from '@helia/unixfs'
import { Helia } from '@helia/utils'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'

const PATIENCE_MS = 60_000

const libp2p = await createLibp2p({
  start: false,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
  // It would close connections that are quiet while this process imports a large directory.
  connectionMonitor: { enabled: false },
  connectionGater: { denyDialMultiaddr: () => false }
})
const helia = new Helia({
  libp2p,
  datastore: new MemoryDatastore(),
  blockstore: new MemoryBlockstore(),
  blockBrokers: [bitswap()],
  routers: []
})
await helia.start()
const files = unixfs(helia)

async function * walk (path, name) {
  if ((await lstat(path)).isDirectory()) {
    for (const child of (await readdir(path)).sort()) yield * walk(join(path, child), `${name}/${child}`)
  } else {
    yield { path: name, content: createReadStream(path, { highWaterMark: 1 << 20 }) }
  }
}

async function add (path) {
  if (!(await lstat(path)).isDirectory()) return { cid: String(await files.addByteStream(createReadStream(path))) }
  let root
  for await (const entry of files.addAll(walk(path, basename(path)))) root = entry
  return { cid: String(root.cid) }
}

async function write (cid, path, signal) {
  const stat = await files.stat(cid, { signal })
  if (stat.type !== 'directory') {
    let bytes = 0
    async function * counted () {
      for await (const chunk of files.cat(cid, { signal })) { bytes += chunk.length; yield chunk }
    }
    await pipeline(Readable.from(counted()), createWriteStream(path))
    return bytes
  }
  await mkdir(path, { recursive: true })
  let bytes = 0
  for await (const entry of files.ls(cid, { signal })) bytes += await write(entry.cid, join(path, entry.name), signal)
  return bytes
}

async function fetch (addr, cid, path) {
  await libp2p.dial(multiaddr(addr))
  const start = Date.now()
  const bytes = await write(CID.parse(cid), path, AbortSignal.timeout(PATIENCE_MS))
  return { bytes, ms: Date.now() - start }
}

async function command (line) {
  const [verb, ...words] = line.split(' ')
  if (verb === 'add') return await add(words.join(' '))
  if (verb === 'fetch') return await fetch(words[0], words[1], words.slice(2).join(' '))
  throw new Error(`no such command: ${verb}`)
}

const say = value => process.stdout.write(`${JSON.stringify(value)}\n`)
say({ peerId: String(libp2p.peerId), addr: String(libp2p.getMultiaddrs()[0]) })
for await (const line of createInterface({ input: process.stdin })) {
  say(await command(line).catch(error => ({ error: String(error?.stack ?? error) })))
}
process.exit(0)
